#include "report/recorder.hpp"

#include "json_line.hpp"
#include "progress/json_events.hpp"
#include "report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gantry::app {
namespace {

constexpr std::size_t most_points_of_blob = 64;
constexpr std::size_t most_points_of_rate = 4096;
constexpr std::size_t most_notes = 10'000;
constexpr std::size_t most_segments = 20'000;
constexpr std::size_t most_odd_segments = 25'000;  // those that failed or were slow have room beyond

/// Makes room: every second point goes, the curve stays.
template <class Points>
void thin(Points& points, std::size_t most) {
  if (points.size() < most) return;
  std::size_t kept = 0;
  for (std::size_t i = 1; i < points.size(); i += 2) points[kept++] = points[i];
  points.resize(kept);
}

const char* word_of(blob_role role) { return role == blob_role::layer ? "layer" : role == blob_role::config ? "config" : "manifest"; }

}  // namespace

std::uint64_t report_recorder::since(time_point now) const {
  const time_point then = stopped_ ? std::min(now, *stopped_) : now;
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(then - begin_).count();
  return passed < 0 ? 0 : static_cast<std::uint64_t>(passed);
}

report_recorder::blob& report_recorder::row(const gantry::digest& digest, std::uint64_t at) {
  const auto found = rows_.find(digest);
  if (found != rows_.end()) return blobs_[found->second];
  rows_.emplace(digest, blobs_.size());
  blobs_.emplace_back();
  blobs_.back().digest = digest.string();
  blobs_.back().start = at;
  return blobs_.back();
}

void report_recorder::begin(const std::string& title, time_point now) {
  if (!rate_.empty()) before_ = rate_.back();
  stopped_.reset();
  title_ = title;
  begun_ = since(now);
  writing_ = false;
}

void report_recorder::remember(std::uint64_t at, const char* kind, const std::string& text) {
  if (notes_.size() < most_notes) notes_.push_back({at, kind, text});
}

// A name may be resolved again by an operation after the one that failed.
report_recorder::image_row& report_recorder::named(const reference& name, std::uint64_t at) {
  const auto [row, first] = image_rows_.emplace(name.familiar(), images_.size());
  if (first) {
    images_.emplace_back();
    images_.back().reference = row->first;
    images_.back().asked = begun_;
    images_.back().told = at;
  }
  return images_[row->second];
}

void report_recorder::failed(const reference& image, time_point now) { named(image, since(now)).failed = true; }

void report_recorder::mirror(const std::string& host_name) { host(host_name, true); }

// "mirror HOST: why it was passed over"
void report_recorder::log(const std::string& line) {
  constexpr std::string_view front = "mirror ";
  const std::size_t colon = line.find(": ");
  if (!line.starts_with(front) || colon == std::string::npos) return;
  const std::string_view why = std::string_view(line).substr(colon);
  if (why.find(" was not found;") == std::string_view::npos && why.find("answered 404") == std::string_view::npos) return;
  const std::string name = line.substr(front.size(), colon - front.size());
  host(name, true);
  lacking_.insert(name);
}

void report_recorder::add(const blob_started& what, std::uint64_t at) {
  // Another operation may move the same blob once more.
  if (const auto before = rows_.find(what.digest); before != rows_.end() && blobs_[before->second].ended) rows_.erase(before);
  blob& one = row(what.digest, at);
  one.role = what.role;
  one.size = what.size;
  // Where an operation before this one broke off, what it had is none of an earlier run's.
  one.resumed = one.started ? std::min(one.resumed, what.resumed) : what.resumed;
  one.started = true;
}

void report_recorder::add(const blob_finished& what, std::uint64_t at) {
  blob& one = row(what.digest, at);
  // What has come in this run was not there before, though an operation after that one finds it there.
  if (one.ended && what.reused) return;
  one.role = what.role;
  one.size = what.size;
  one.end = at;
  one.ended = true;
  one.reused = what.reused;
  one.mounted = what.mounted;
}

void report_recorder::add(const archive_progress&, std::uint64_t at) {
  if (!writing_) {
    if (archives_.size() >= most_notes) return;
    archives_.push_back({at, at});
  }
  writing_ = true;
  archives_.back().end = at;
}

void report_recorder::event(const gantry::event& what, time_point now) {
  const std::uint64_t at = since(now);
  std::visit(
      [&](const auto& e) {
        using kind = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<kind, image_resolved>) {
          named(e.reference, at).digest = e.top.digest.string();
        } else if constexpr (std::is_same_v<kind, blob_started> || std::is_same_v<kind, blob_finished> ||
                             std::is_same_v<kind, archive_progress> || std::is_same_v<kind, segment_finished>) {
          add(e, at);
        } else if constexpr (std::is_same_v<kind, blob_progress>) {
          blob& one = row(e.digest, at);
          thin(one.points, most_points_of_blob);
          one.points.push_back({at, e.done});
        } else if constexpr (std::is_same_v<kind, transfer_progress>) {
          thin(rate_, most_points_of_rate);
          rate_.push_back({at, before_.done + e.received, e.connections, before_.sent + e.sent});
        } else if constexpr (std::is_same_v<kind, retry_scheduled>) {
          if (retries_.size() < most_notes) retries_.push_back({at, e});
        } else if constexpr (std::is_same_v<kind, concurrency_changed>) {
          if (decisions_.size() < most_notes) decisions_.push_back({at, e});
        } else if constexpr (std::is_same_v<kind, gantry::waiting>) {
          remember(at, "waiting", e.what);
        } else if constexpr (std::is_same_v<kind, gantry::warning>) {
          remember(at, "warning", e.message);
        }
      },
      what);
}

std::size_t report_recorder::host(const std::string& name, bool mirror) {
  const std::pair wanted(name, mirror);
  const auto found = std::find(hosts_.begin(), hosts_.end(), wanted);
  if (found != hosts_.end()) return static_cast<std::size_t>(found - hosts_.begin());
  hosts_.push_back(wanted);
  return hosts_.size() - 1;
}

void report_recorder::add(const segment_finished& what, std::uint64_t at) {
  const bool odd = what.end == segment_end::failed || what.end == segment_end::slow;
  if (segments_.size() >= (odd ? most_odd_segments : most_segments)) {
    ++segments_left_out_;
    return;
  }
  segment one;
  row(what.digest, at);
  one.blob = rows_.at(what.digest);
  one.host = host(what.host, what.mirror);
  one.what = what;
  one.what.digest = {};
  one.what.host.clear();
  one.begun = since(what.begun);
  one.end = one.begun + static_cast<std::uint64_t>(std::max<std::int64_t>(0, what.elapsed.count()));
  one.answered = what.answered ? one.begun + static_cast<std::uint64_t>(std::max<std::int64_t>(0, what.answered->count())) : one.end;
  segments_.push_back(std::move(one));
}

/// Arrays in place of objects: there may be thousands.
std::vector<std::string> report_recorder::segments_json() const {
  std::vector<std::string> lines;
  lines.reserve(segments_.size());
  for (const segment& one : segments_) {
    const segment_finished& e = one.what;
    std::string line = fmt::format("[{},{},{},{},{},{},{},{},{},{},{}", one.blob, static_cast<int>(e.kind), static_cast<int>(e.end),
                                   e.connection, one.host, e.offset, e.length, e.received, one.begun, one.answered, one.end);
    if (!e.message.empty()) line += "," + json_quote(e.message);
    lines.push_back(line + "]");
  }
  return lines;
}

/// The samples, with a beginning and an end: nothing moves before the first request is made, nor after the last has ended.
std::vector<report_recorder::point> report_recorder::whole_rate() const {
  std::vector<point> all = rate_;
  if (rate_.empty() || segments_.empty()) return all;
  std::uint64_t first = rate_.front().at;
  std::uint64_t last = rate_.back().at;
  for (const segment& one : segments_) {
    first = std::min(first, one.begun);
    last = std::max(last, one.end);
  }
  all.insert(all.begin(), point{first, 0, 0, 0});
  all.push_back(point{last, rate_.back().done, 0, rate_.back().sent});
  return all;
}

void report_recorder::error(const error_report& report, time_point now) {
  error_ = report.message;
  remember(since(now), "error", report.message);
}

std::vector<std::string> report_recorder::images_json() const {
  std::vector<std::string> lines;
  for (const image_row& one : images_) {
    json_object line;
    line.add("reference", one.reference).add("digest", one.digest).add("asked", one.asked).add("told", one.told).add("failed", one.failed);
    lines.push_back(line.string());
  }
  return lines;
}

std::vector<std::string> report_recorder::blobs_json() const {
  std::vector<std::string> lines;
  for (const blob& one : blobs_) {
    std::vector<std::string> points;
    for (const point& p : one.points) points.push_back(fmt::format("[{},{}]", p.at, p.done));
    json_object line;
    line.add("digest", one.digest).add("role", word_of(one.role)).add("size", one.size).add("resumed", one.resumed).add("start", one.start);
    line.add_raw("end", one.ended ? std::to_string(one.end) : "-1").add("reused", one.reused).add_raw("points", json_array(points));
    if (one.mounted) line.add("mounted", true);
    lines.push_back(line.string());
  }
  return lines;
}

std::string report_recorder::json(time_point now, const std::string& about) const {
  std::vector<std::string> rate, retries, notes, archives;
  for (const point& p : whole_rate()) rate.push_back(fmt::format("[{},{},{},{}]", p.at, p.done, p.connections, p.sent));
  for (const retry& one : retries_) {
    json_object line;
    line.add("at", one.at).add("object", one.what.object).add("attempt", std::uint64_t{one.what.attempt});
    line.add("delay_ms", static_cast<std::uint64_t>(one.what.delay.count())).add("message", one.what.message);
    retries.push_back(line.string());
  }
  for (const note& one : notes_) notes.push_back(json_object().add("at", one.at).add("kind", one.kind).add("text", one.text).string());
  std::vector<std::string> hosts, decisions, kinds, ends;
  for (const auto& [name, mirror] : hosts_) {
    json_object line;
    line.add("name", name).add("mirror", mirror);
    if (mirror && lacking_.contains(name)) line.add("lacks", true);
    hosts.push_back(line.string());
  }
  for (const decision& one : decisions_) {
    json_object line;
    line.add("at", one.at).add("before", std::uint64_t{one.what.before}).add("after", std::uint64_t{one.what.after});
    line.add("reason", name_of(one.what.reason)).add("rate", one.what.rate);
    decisions.push_back(line.string());
  }
  for (const segment_kind kind :
       {segment_kind::whole, segment_kind::probe, segment_kind::segment, segment_kind::steal, segment_kind::hedge, segment_kind::upload})
    kinds.push_back(json_quote(name_of(kind)));
  for (const segment_end end :
       {segment_end::complete, segment_end::overtaken, segment_end::slow, segment_end::failed, segment_end::stopped})
    ends.push_back(json_quote(name_of(end)));
  json_object all;
  all.add("version", std::uint64_t{1}).add("about", about).add("elapsed_ms", since(now)).add("error", error_).add("title", title_);
  all.add("command", command_).add_raw("exit_code", std::to_string(exit_status_));
  for (const span& one : archives_) archives.push_back(fmt::format("[{},{}]", one.begin, one.end));
  all.add_raw("images", json_array(images_json())).add_raw("archives", json_array(archives)).add_raw("blobs", json_array(blobs_json()));
  all.add_raw("rate", json_array(rate)).add_raw("retries", json_array(retries)).add_raw("notes", json_array(notes));
  all.add_raw("kinds", json_array(kinds)).add_raw("ends", json_array(ends)).add_raw("hosts", json_array(hosts));
  all.add_raw("segments", json_array(segments_json())).add("segments_left_out", std::uint64_t{segments_left_out_});
  all.add_raw("decisions", json_array(decisions));
  // `</script>` in a server's words would end the element; strings are the only place where it can stand.
  std::string safe;
  for (const char c : all.string()) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string report_recorder::page(time_point now, const std::string& about) const {
  constexpr std::string_view mark = "GANTRY_DATA_GOES_HERE";
  std::string text(report_page);
  text.replace(text.find(mark), mark.size(), json(now, about));
  return text;
}

}  // namespace gantry::app
