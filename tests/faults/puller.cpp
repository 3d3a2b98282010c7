#include "faults/puller.hpp"

#include "faults/tally.hpp"
#include "support/catch.hpp"
#include "support/store_check.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace gantry::test {
namespace fs = std::filesystem;
namespace {

/// The blobs of a store with their sizes.
std::map<std::string, std::uint64_t> blobs_of(const fs::path& store) {
  std::map<std::string, std::uint64_t> held;
  if (!fs::exists(store / "blobs" / "sha256")) return held;
  for (const fs::directory_entry& blob : fs::directory_iterator(store / "blobs" / "sha256"))
    held["sha256:" + blob.path().filename().string()] = blob.file_size();
  return held;
}

/// Bytes of partial blobs that their journals name (store/journal.hpp has the layout; no piece is written down twice).
std::map<std::string, std::uint64_t> parts_of(const fs::path& store) {
  constexpr std::size_t header = 96;
  constexpr std::size_t record = 32;
  std::map<std::string, std::uint64_t> held;
  if (!fs::exists(store / "ingest")) return held;
  for (const fs::directory_entry& part : fs::directory_iterator(store / "ingest")) {
    if (!fs::exists(part.path() / "journal")) continue;
    std::string digest = part.path().filename().string();
    digest.replace(digest.find('-'), 1, ":");
    const std::string journal = slurp(part.path() / "journal");
    for (std::size_t at = header; at + record <= journal.size(); at += record) {
      std::uint64_t length = 0;
      std::memcpy(&length, journal.data() + at + 8, sizeof length);
      held[digest] += length;
    }
  }
  return held;
}

std::uint64_t sent(std::initializer_list<fake_registry*> by, const std::string& what) {
  std::uint64_t bytes = 0;
  for (const fake_registry* one : by) bytes += one->body_sent(what);
  return bytes;
}

std::size_t asked_for(std::initializer_list<fake_registry*> whom, const std::string& what) {
  std::size_t requests = 0;
  for (const fake_registry* one : whom) requests += one->count(what);
  return requests;
}

}  // namespace

std::string warnings(const pull_report& report) {
  std::string text;
  for (const event& one : report.events) {
    if (const auto* said = std::get_if<warning>(&one)) text += said->message + "\n";
  }
  return text;
}

puller::puller(const std::string& host) : host_(host) {
  settings.cache_dir = store();
  settings.plain_http = {host_};
  settings.jobs = 1;  // one stream per blob, so that requests can be counted
  settings.backoff = std::chrono::milliseconds(10);
  settings.budget = std::chrono::seconds(20);
  settings.timeouts.header = std::chrono::seconds(2);
  settings.timeouts.idle = std::chrono::milliseconds(500);
  settings.sync = false;
}

pull_report puller::pull(const std::string& image, const std::function<void(const event&)>& watch) { return run(image, {}, watch); }

pull_report puller::pull_to_archive(const std::string& image) {
  pull_options options;
  options.output = archive_file{archive()};
  return run(image, std::move(options), {});
}

std::string puller::take_archive(const std::string& image) {
  const pull_report report = pull_to_archive(image);
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  std::string bytes = slurp(archive());
  fs::remove(archive());
  fs::remove_all(store());
  return bytes;
}

pull_report puller::run(const std::string& image, pull_options options, const std::function<void(const event&)>& watch) {
  pull_report report;
  last_.image = image;
  last_.options = options;
  boost::asio::io_context context;
  error_code ec;
  const reference name = reference::parse(host_ + "/" + image, ec);
  REQUIRE_FALSE(ec);
  if (options.platforms.empty()) options.platforms = {platform::parse("linux/amd64", ec)};
  options.on_event = [&](const event& e) {
    report.events.push_back(e);
    if (watch) watch(e);
  };
  bool completed = false;
  const auto start = std::chrono::steady_clock::now();
  {
    engine one(context.get_executor(), settings);
    one.async_pull(name, std::move(options), report.text, [&](error_code failed, pull_result result) {
      report.ec = failed;
      report.result = std::move(result);
      completed = true;
      one.async_shutdown([](error_code) {});
    });
    context.run_for(std::chrono::minutes(2));
  }
  last_.ended_well = completed && !report.ec;
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  REQUIRE(completed);
  // An operation that is over leaves no work behind: the context must drain.
  context.run_for(std::chrono::seconds(30));
  CHECK(context.stopped());
  return report;
}

std::string puller::leftovers(bool parts_allowed) const {
  std::string result;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_.path())) {
    if (entry.path() != store() && entry.path() != archive()) result += entry.path().string() + " was left behind\n";
  }
  return result + store_problems(store(), parts_allowed);
}

void puller::heals(std::initializer_list<fake_registry*> asked, unsigned others) {
  unsigned met = others;
  for (fake_registry* one : asked) {
    met += one->faults_met();
    one->heal();
  }
  tally(met, last_.ended_well ? met : 0, 3);
  CHECK(store_problems(store(), !last_.ended_well) == "");
  engine_options usual = settings;
  // One stream for each blob, so that bytes can be counted: nothing is begun at two places. Patience, for a machine that is busy.
  usual.jobs = 1;
  usual.limit_rate = 0;
  usual.attempts = engine_options().attempts;
  usual.budget = std::chrono::minutes(1);
  usual.timeouts = timeouts();
  std::swap(settings, usual);
  check_rerun(asked);
  std::swap(settings, usual);
}

void puller::check_rerun(std::initializer_list<fake_registry*> asked) {
  const command again = last_;
  const auto held = blobs_of(store());
  const auto parts = parts_of(store());
  std::optional<std::string> early;
  if (fs::exists(archive())) early = slurp(archive());
  for (fake_registry* one : asked) one->forget_requests();
  const pull_report rerun = run(again.image, again.options, {});
  {
    INFO("the rerun: " << rerun.text.message());
    CHECK_FALSE(rerun.ec);
  }
  for (const auto& [digest, size] : held) {
    INFO(digest << " of " << size << " bytes is in the store");
    CHECK(asked_for(asked, "/blobs/" + digest) + asked_for(asked, "/storage/" + digest) == 0);
  }
  for (const auto& [digest, size] : blobs_of(store())) {
    if (held.contains(digest)) continue;
    const auto part = parts.find(digest);
    const std::uint64_t kept = part == parts.end() ? 0 : part->second;
    INFO(digest << " of " << size << " bytes, of which the journal has " << kept);
    CHECK(sent(asked, digest) <= size - kept);
  }
  CHECK(store_problems(store()) == "");
  // An archive is the same bytes each time: what stood under its name before must have been all of it.
  if (early) CHECK(*early == slurp(archive()));

  for (fake_registry* one : asked) one->forget_requests();
  const pull_report third = run(again.image, again.options, {});
  INFO("the second rerun: " << third.text.message());
  CHECK_FALSE(third.ec);
  CHECK(asked_for(asked, "/blobs/") + asked_for(asked, "/storage/") == 0);
  CHECK(store_problems(store()) == "");
}

void puller::forget_waits() const { fs::remove(store() / "state" / "hints.json"); }

test_image app_image() {
  image_recipe recipe;
  recipe.layers = {20'000, 3'000'000};
  return build_image(recipe);
}

}  // namespace gantry::test
