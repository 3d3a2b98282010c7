#include "registry/upload_plan.hpp"

#include "http/origin_policy.hpp"
#include "registry/escape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace gantry::registry {
namespace {

// What remains when a registry takes neither the whole at once nor all that is left: below the limits of those that have one.
constexpr std::uint64_t least_chunk = std::uint64_t{4} << 20;
// What nginx takes unless it is told otherwise, for a registry that stands behind one.
constexpr std::uint64_t proxied_chunk = std::uint64_t{1} << 20;
constexpr std::uint64_t largest_chunk = std::uint64_t{1} << 30;
// A registry that forgets sessions again and again will not end.
constexpr unsigned most_in_vain = 5;
// Of requests that are bounded because longer ones were cut: each costs a connection and an answer.
constexpr std::uint64_t least_first_bound = std::uint64_t{16} << 20;
constexpr std::uint64_t largest_bound = std::uint64_t{64} << 20;

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Statuses by which registries say that this way of sending is not theirs, and another may be.
bool refuses_manner(unsigned status) noexcept {
  return status == 400 || status == 405 || status == 411 || status == 413 || status == 415 || status == 416 || status == 501;
}

}  // namespace

std::optional<std::uint64_t> received_bytes(const http::response_head& head) {
  const std::string* const field = head.find("Range");
  if (field == nullptr) return std::nullopt;
  std::string_view text = *field;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  if (!text.starts_with("0-")) return std::nullopt;
  const auto last = number(text.substr(2));
  // Of nothing received registries say 0-0 as of one byte; the shorter reading costs a byte, the longer one the blob.
  if (!last || *last == 0) return last;
  return *last + 1;
}

http::url with_digest(http::url session, const gantry::digest& value) {
  session.target += session.target.find('?') == std::string::npos ? '?' : '&';
  session.target += "digest=" + escape(value.string());
  return session;
}

upload_plan::upload_plan(settings values)
    : values_(std::move(values)), step_(upload_step::open), chunk_(values_.refused.too_large <= least_chunk ? proxied_chunk : least_chunk) {
  manner_ = next_manner();
  begin();
}

/// What sends least comes first: a mount that is sure, a session that has part of the blob, a mount that may be, all of it.
void upload_plan::begin() {
  const bool mountable = !values_.mount_from.empty() && !mount_tried_;
  if (values_.resume && !(mountable && values_.mount_first)) {
    session_ = std::exchange(values_.resume, std::nullopt);
    resumed_ = true;
    step_ = upload_step::ask;
    return;
  }
  step_ = mountable ? upload_step::mount : upload_step::open;
}

/// The first way that has not been refused.
upload_plan::manner upload_plan::next_manner() const noexcept {
  const upload_refusals& refused = values_.refused;
  if (values_.size >= refused.too_large) return manner::chunks;
  if (values_.size >= least_stream && !refused.stream) return manner::stream;
  if (!refused.whole && (whole_only_ || !is_bounded())) return manner::whole;
  return refused.pieces ? manner::chunks : manner::pieces;
}

/// The registry answered this way of sending with \p status.
void upload_plan::change_manner(unsigned status) {
  upload_refusals& refused = values_.refused;
  if (status == 413) {
    refused.too_large = std::min(refused.too_large, values_.size);
  } else if (manner_ == manner::stream) {
    refused.stream = true;
  } else if (manner_ == manner::whole) {
    refused.whole = true;
  } else {
    refused.pieces = true;
  }
  manner_ = next_manner();
}

upload_action upload_plan::next() const {
  upload_action action;
  action.step = step_;
  if (session_) action.where = *session_;
  if (step_ == upload_step::send_all) action.length = values_.size;
  if (step_ == upload_step::send) {
    const std::uint64_t left = values_.size - offset_;
    action.offset = offset_;
    action.length = std::min(manner_ == manner::chunks ? chunk_ : longest(), left);
    action.open_ended = manner_ == manner::stream;
    action.ranged = !action.open_ended;
    action.apart = is_bounded();
  }
  return action;
}

void upload_plan::abandon_session() {
  if (session_) abandoned_.push_back(std::move(*session_));
  session_.reset();
}

void upload_plan::fail(failure why) {
  error_ = std::move(why);
  abandon_session();
  step_ = upload_step::failed;
}

void upload_plan::refuse(unsigned status) {
  refused_ = true;
  fail(failure(errc::unexpected_status, fmt::format("the upload was answered with {}", http::describe_status(status))));
}

result<http::url> upload_plan::place_in(const http::response_head& head, const http::url& asked) {
  const auto locations = head.all("Location");
  if (locations.size() != 1) {
    return failure(errc::protocol_error, fmt::format("{} does not say where the bytes of an upload have to go", asked.origin.authority()));
  }
  auto target = http::url::resolve(asked, locations.front());
  if (!target) return target.error();
  if (auto allowed = http::allow(http::url_channel::upload_location, asked.origin, *target); !allowed) return allowed.error();
  return std::move(*target);
}

bool upload_plan::take_session(const http::response_head& head, const http::url& asked) {
  auto place = place_in(head, asked);
  if (!place) {
    fail(place.error());
    return false;
  }
  session_ = std::move(*place);
  if (const std::string* const least = head.find("OCI-Chunk-Min-Length")) {
    if (const auto length = number(*least)) chunk_ = std::clamp(*length, chunk_, largest_chunk);
  }
  return true;
}

void upload_plan::take_progress(const http::response_head& head, std::uint64_t at_least) {
  const auto said = received_bytes(head);
  // What the registry says counts, but not beyond the blob.
  offset_ = std::min(said.value_or(at_least), values_.size);
}

/// More than before has arrived: that it was lost at times is no reason to end.
void upload_plan::note_progress() noexcept {
  if (offset_ <= most_) return;
  most_ = offset_;
  in_vain_ = 0;
}

/// A request has come to nothing on the way: the next ones are so much shorter that they may get through.
void upload_plan::shorten() {
  constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
  std::uint64_t& bound = values_.refused.gets_through;
  // What was handed to the system may not have left it: half is no more than a guess.
  const std::uint64_t carried = cut_.value_or(2 * largest_bound);
  const bool first = bound == std::numeric_limits<std::uint64_t>::max();
  // What became of an earlier run says little of this line.
  if (whole_only_ || (!cut_ && !first)) return;
  const std::uint64_t half = std::min(carried, bound) / 2 / mebibyte * mebibyte;
  bound = first ? std::clamp(half, least_first_bound, largest_bound) : std::max(half, least_chunk);
  if (manner_ == manner::whole) manner_ = next_manner();
}

failure upload_plan::lost_too_often() const {
  const std::string blob(values_.digest.short_form());
  if (lost_by_cuts_ > lost_) {
    const std::string size = is_bounded() ? fmt::format(", in the end in requests of {} MiB", longest() >> 20) : std::string();
    return {errc::retries_exhausted,
            fmt::format("the upload of blob {} was cut off {} times{}, and the registry keeps nothing of an upload "
                        "that is cut off: the line or something on it does not last long enough",
                        blob, lost_by_cuts_, size)};
  }
  return {
      errc::retries_exhausted,
      fmt::format("the registry lost the upload of blob {} {} times before it was complete; when several servers stand behind its name, "
                  "they need the same storage and the same secret",
                  blob, lost_)};
}

/// The session is gone.
void upload_plan::start_over() {
  if (cut_ || resumed_) shorten();
  ++(cut_ ? lost_by_cuts_ : lost_);
  cut_.reset();
  session_.reset();
  offset_ = 0;
  resumed_ = false;
  begin();
  if (++in_vain_ > most_in_vain) fail(lost_too_often());
}

void upload_plan::after_open(unsigned status, const http::response_head& head, const http::url& asked) {
  const bool mounting = step_ == upload_step::mount;
  mount_tried_ = mount_tried_ || mounting;
  if (status == 201) {  // mounted, or known already
    mounted_ = true;
    session_.reset();
    step_ = upload_step::done;
    return;
  }
  // The session that came in place of the mount is empty; that of the earlier run is not.
  if (status == 202 && values_.resume) {
    if (auto place = place_in(head, asked)) abandoned_.push_back(std::move(*place));
    return begin();
  }
  if (status == 202) {
    if (!take_session(head, asked)) return;
    offset_ = 0;
    step_ = manner_ == manner::whole ? upload_step::send_all : upload_step::send;
    return;
  }
  // Some registries refuse a mount that they cannot do, or whoever may not read where it is from, instead of opening a session.
  if (mounting && (status == 401 || status == 403 || status == 404 || refuses_manner(status))) return begin();
  refuse(status);
}

void upload_plan::after_ask(unsigned status, const http::response_head& head, const http::url& asked) {
  if (status == 204 || status == 202 || status == 200) {
    if (head.find("Location") != nullptr && !take_session(head, asked)) return;
    const std::uint64_t before = offset_;
    take_progress(head, 0);
    // The session is there, and nothing of what was cut: somebody on the way keeps requests until they are complete.
    const bool came_to_nothing = cut_ ? offset_ <= before : resumed_ && offset_ == 0;
    if (came_to_nothing) shorten();
    cut_.reset();
    note_progress();
    // What has arrived is completed by PATCH; of nothing the whole goes again, if that is the registry's way.
    step_ = offset_ == 0 && manner_ == manner::whole ? upload_step::send_all : upload_step::send;
    if (offset_ == values_.size && values_.size != 0) step_ = upload_step::close;
    return;
  }
  if (status == 404 || status == 410 || refuses_manner(status)) return start_over();
  refuse(status);
}

void upload_plan::after_bytes(unsigned status, const http::response_head& head, const http::url& asked) {
  if (step_ == upload_step::send_all || step_ == upload_step::close) {
    if (status == 201 || status == 200 || status == 204) {
      session_.reset();
      offset_ = values_.size;
      step_ = upload_step::done;
      return;
    }
  } else if (status == 202 || status == 204 || status == 201) {
    const std::uint64_t sent = std::exchange(sent_, std::nullopt).value_or(next().length);
    if (head.find("Location") != nullptr && !take_session(head, asked)) return;
    const std::uint64_t before = offset_;
    take_progress(head, offset_ + sent);
    if (offset_ <= before && sent > 0) {
      // Somebody on the way may take a body whose length is not told for none.
      if (manner_ == manner::stream) {
        change_manner(status);
        abandon_session();
        return start_over();
      }
      return fail(failure(errc::protocol_error,
                          fmt::format("{} takes bytes of an upload and says that it has none of them", asked.origin.authority())));
    }
    note_progress();
    step_ = offset_ == values_.size ? upload_step::close : upload_step::send;
    return;
  }
  sent_.reset();
  if (status == 404 || status == 410) {
    // There may be no PATCH at all.
    if (manner_ == manner::stream && step_ == upload_step::send) {
      if (offset_ == 0) change_manner(status);
      manner_ = manner_ == manner::stream ? manner::whole : manner_;  // a session that was lost later says nothing about others
    }
    return start_over();
  }
  // What an earlier run has left is not what it should be.
  const bool spoiled = step_ == upload_step::close && status == 400 && resumed_;
  // What a cut PUT has left can go by PATCH alone; where there is none, the whole goes again.
  const bool other_count = status == 416 && step_ == upload_step::send;
  const bool whole_again = step_ == upload_step::send && manner_ == manner::whole && refuses_manner(status) && !other_count;
  if (spoiled || whole_again) {
    abandon_session();
    return start_over();
  }
  // Pieces were a way to get through, not the registry's.
  if (step_ == upload_step::send && manner_ == manner::pieces && !values_.refused.whole && refuses_manner(status) && !other_count) {
    whole_only_ = true;
    values_.refused.gets_through = std::numeric_limits<std::uint64_t>::max();
    manner_ = manner::whole;
    abandon_session();
    offset_ = 0;
    step_ = upload_step::open;
    return;
  }
  // Another way, once each: open-ended, whole, what is left in one piece, small pieces.
  if (refuses_manner(status) && !other_count && manner_ != manner::chunks && step_ != upload_step::close) {
    change_manner(status);
    abandon_session();
    offset_ = 0;
    step_ = upload_step::open;
    return;
  }
  if (status == 413 && manner_ == manner::chunks && step_ == upload_step::send && chunk_ == least_chunk) {
    values_.refused.too_large = std::min(values_.refused.too_large, least_chunk);
    chunk_ = proxied_chunk;
    return;
  }
  // 416: the registry has another number of bytes than we think.
  if (other_count) {
    step_ = upload_step::ask;
    if (++in_vain_ > most_in_vain) refuse(status);
    return;
  }
  refuse(status);
}

void upload_plan::answered(unsigned status, const http::response_head& head, const http::url& asked) {
  switch (step_) {
    case upload_step::mount:
    case upload_step::open:
      return after_open(status, head, asked);
    case upload_step::ask:
      return after_ask(status, head, asked);
    case upload_step::send_all:
    case upload_step::send:
    case upload_step::close:
      return after_bytes(status, head, asked);
    case upload_step::done:
    case upload_step::failed:
      return;
  }
}

void upload_plan::broke(std::uint64_t sent) {
  switch (step_) {
    case upload_step::send_all:
    case upload_step::send:
      if (sent > 0) cut_ = sent;
      step_ = upload_step::ask;
      return;
    case upload_step::close:
      step_ = upload_step::ask;
      return;
    case upload_step::mount:
    case upload_step::open:
    case upload_step::ask:
    case upload_step::done:
    case upload_step::failed:
      return;
  }
}

}  // namespace gantry::registry
