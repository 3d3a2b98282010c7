// What registries say, what programs say about logins, and what one run leaves the next about hosts.

#include "fuzz/targets.hpp"
#include "model/manifest.hpp"
#include "registry/challenge.hpp"
#include "registry/credential_helper.hpp"
#include "registry/hints.hpp"
#include "registry/listing.hpp"
#include "registry/quota.hpp"
#include "registry/referrers_list.hpp"
#include "registry/registry_error.hpp"
#include "registry/token_response.hpp"
#include "registry/upload_plan.hpp"
#include "runtime/program.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gantry::fuzz {
namespace {

void read_challenge(std::string_view text) {
  const auto found = registry::parse_challenges(text);
  if (found) registry::preferred(*found);
}

void read_lists(std::string_view text) {
  (void)registry::parse_tag_page(text, "x");
  (void)registry::parse_repository_page(text, "x");
}

void read_token(std::string_view text) { (void)registry::parse_token_response(text, {}); }

void read_error(std::string_view text) {
  const registry::registry_error error = registry::parse_registry_error(text);
  expect(is_shown_safely(error.message), "what a server says reaches no terminal raw");
}

/// `ratelimit-remaining`, a line break, `ratelimit-limit`.
void read_quota(std::string_view text) {
  const std::size_t line = text.find('\n');
  http::response_head answer;
  answer.headers.push_back({"RateLimit-Remaining", std::string(text.substr(0, line))});
  if (line != std::string_view::npos) answer.headers.push_back({"RateLimit-Limit", std::string(text.substr(line + 1))});
  const auto said = registry::quota_of(answer);
  if (!said) return;
  expect(said->window >= std::chrono::seconds(0) && said->window <= std::chrono::hours(24 * 366), "a window is of a year at most");
  expect(said->limit == 0 || !said->is_low() || said->remaining <= said->limit, "who may ask more often than the limit is not short");
  expect(is_shown_safely(registry::to_string(*said)), "a quota can be shown");
}

/// Another entry to be listed.
registry::listed_referrer other_referrer() {
  error_code ec;
  descriptor entry;
  entry.media_type = "application/vnd.oci.image.manifest.v1+json";
  entry.digest = digest::parse("sha256:" + std::string(64, '7'), ec);
  entry.size = 7;
  return registry::listed(entry);
}

using referrers = std::vector<registry::listed_referrer>;

bool are_the_same(const referrers& a, const referrers& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& another) { return one.digest == another.digest && one.text == another.text; });
}

/// The index of the referrers tag, which is changed in its text.
void read_referrers(std::string_view text) {
  const auto there = registry::read_referrers(text, "", "x");
  if (!there) return;
  for (const registry::listed_referrer& one : *there) {
    const auto entry = model::parse_descriptor(one.text);
    expect(entry && entry->digest == one.digest, "an entry of the list is cut out whole");
  }
  const registry::listed_referrer other = other_referrer();
  const auto longer = registry::merge_referrers(text, "", std::span(&other, 1), "x");
  expect(longer.has_value(), "a list that can be read can be added to");
  if (*longer) {
    referrers wanted = *there;
    wanted.push_back(other);
    const auto now = registry::read_referrers(**longer, "", "x");
    expect(now && are_the_same(*now, wanted), "what is added stands behind what was there, which stays as it was");
  }
  if (there->empty()) return;
  const digest gone = (*there)[there->size() / 2].digest;
  const auto shorter = registry::remove_referrer(text, "", gone, "x");
  expect(shorter && *shorter, "what is listed can be taken off");
  referrers left;
  std::copy_if(there->begin(), there->end(), std::back_inserter(left), [&](const auto& one) { return one.digest != gone; });
  const auto now = registry::read_referrers(**shorter, "", "x");
  expect(now && are_the_same(*now, left), "what is taken off is gone, and the rest stays as it was");
}

/// What docker-credential programs write: behind a first byte that says how they end.
void read_helper_answer(std::string_view text) {
  runtime::program_end end;
  end.status = !text.empty() && (text.front() & 1) != 0 ? 1 : 0;
  if (!text.empty()) text.remove_prefix(1);
  end.output = text;
  const auto answer = registry::read_helper_answer(end, "docker-credential-x", "registry.example");
  if (!answer) {
    const std::string said = answer.error().text.message();
    expect(is_shown_safely(said), "a message can be shown");
    expect(end.status != 0 || text.size() < 40 || said.find(text) == std::string::npos, "no message quotes an answer that may be a secret");
    return;
  }
  if (!*answer) return;
  const credential& found = **answer;
  expect(found.username.find(':') == std::string::npos && is_shown_safely(found.username), "a user name can stand in front of a colon");
  expect(found.identity_token.empty() ? !found.username.empty() && !found.password.empty() : found.username.empty(),
         "a login is a user with a password, or a token");
}

/// What a registry says to an upload.
struct upload_answer {
  unsigned status = 0;  ///< 0: the connection breaks
  http::response_head head;
};

/// Lines of a status and, each behind a blank and `-` where there is none, the values of Location, Range and OCI-Chunk-Min-Length.
std::vector<upload_answer> upload_answers(std::string_view text) {
  constexpr std::size_t most = 64;
  std::vector<upload_answer> answers;
  while (!text.empty() && answers.size() < most) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto word = [&line] {
      const std::string_view found = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(line.size(), found.size() + 1));
      return found;
    };
    upload_answer answer;
    const std::string_view status = word();
    std::from_chars(status.data(), status.data() + status.size(), answer.status);
    for (const char* const name : {"Location", "Range", "OCI-Chunk-Min-Length"}) {
      const std::string_view value = word();
      if (!value.empty() && value != "-") answer.head.headers.push_back({name, std::string(value)});
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

/// A registry that says the same again and again, to an upload of \p size bytes.
void upload(const std::vector<upload_answer>& answers, std::uint64_t size, std::string mount_from) {
  using registry::upload_step;
  error_code ec;
  registry::upload_plan::settings values;
  values.digest = digest::parse("sha256:" + std::string(64, '7'), ec);
  values.size = size;
  values.mount_from = std::move(mount_from);
  registry::upload_plan plan(std::move(values));
  const auto registry = http::url::parse("https://registry.example/v2/a/blobs/uploads/");
  const bool breaks = std::any_of(answers.begin(), answers.end(), [](const auto& one) { return one.status == 0; });
  // Who breaks the connection for ever is given up by the caller.
  const std::size_t most = breaks ? answers.size() : 5'000;
  for (std::size_t i = 0; i < most; ++i) {
    const registry::upload_action action = plan.next();
    if (action.step == upload_step::failed) return;
    if (action.step == upload_step::done) {
      expect(plan.mounted() || plan.received() == size, "an upload is done when all of it is there");
      return;
    }
    expect(action.offset <= size && action.length <= size - action.offset, "what is sent is of the blob");
    expect(plan.received() <= size, "no registry has more than the blob");
    const bool fresh = action.step == upload_step::mount || action.step == upload_step::open;
    expect(fresh || action.where.origin.is_tls(), "no upload leads from https to http");
    const upload_answer& answer = answers[i % answers.size()];
    if (answer.status == 0) {
      plan.broke(action.length / 2);
    } else {
      plan.answered(answer.status, answer.head, fresh ? *registry : action.where);
    }
  }
  expect(breaks, "a registry that never comes to an end is given up");
}

void read_uploads(std::string_view text) {
  const std::vector<upload_answer> answers = upload_answers(text);
  if (answers.empty()) return;
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1000}, std::uint64_t{40} << 20}) {
    upload(answers, size, "");
    upload(answers, size, "library/b");
  }
}

/// state/hints.json of the store.
void read_hints(std::string_view text) {
  using namespace std::chrono;
  const system_clock::time_point now(seconds(1'780'000'000));
  const auto known = registry::read_hints(text, now);
  if (!known) return;
  for (const auto& [host, hint] : *known) expect(hint.rests_until <= now + hours(1), "no host is left alone for longer than an hour");
  const auto again = registry::read_hints(registry::write_hints(*known), now);
  expect(again && *again == *known, "hints are read back as they are written");
}

constexpr target all[] = {
    {"upload", read_uploads},  {"challenge", read_challenge}, {"lists", read_lists},          {"token", read_token}, {"error", read_error},
    {"ratelimit", read_quota}, {"referrers", read_referrers}, {"helper", read_helper_answer}, {"hints", read_hints},
};

}  // namespace

std::span<const target> registry_targets() noexcept { return all; }

}  // namespace gantry::fuzz
