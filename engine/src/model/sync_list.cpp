#include <gantry/sync_list.hpp>

#include "base/byte_order_mark.hpp"
#include "base/failure.hpp"
#include "base/redact.hpp"
#include "model/json.hpp"
#include "model/reference_grammar.hpp"
#include "model/sync_list_checks.hpp"
#include "model/tag_selection.hpp"

#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace gantry {
namespace {

namespace json = model::json;
using json::check;

constexpr std::size_t most_entries = 50'000;
constexpr std::size_t most_retries = 100;

/// What those see who wrote something else in place of a list or of an entry.
constexpr std::string_view entry_form = "{\"source\": \"docker.io/library/nginx\", \"tags\": [\"1.25\"]}";

check refused(const std::string& why) { return failure(errc::malformed_document, why); }

/// Fields that an entry has of its own, or has from the defaults.
struct shared_fields {
  std::optional<push_prefix> place;
  std::optional<std::vector<std::string>> tags;
  std::optional<tag_filter> filter;
  std::optional<std::vector<platform>> platforms;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::vector<std::pair<platform, std::chrono::milliseconds>>> platform_timeouts;
  std::optional<unsigned> retries;
  std::optional<std::vector<std::string>> mirrors;
  bool newest_none = false;      ///< the filter says `"newest": 0`
  std::size_t filter_line = 0;   ///< where \ref filter begins
  std::size_t mirrors_line = 0;  ///< where \ref mirrors begin
  std::string platform_field;    ///< which of the two names \ref platforms came from
  std::string bare_field;        ///< the one of them that has no element
  std::size_t bare_line = 0;     ///< where that begins
};

/// The field and what is wrong with it, when a filter would admit all tags without saying so.
std::optional<std::pair<std::string, std::string>> empty_filter(const shared_fields& fields) {
  if (!fields.filter) return std::nullopt;
  if (fields.newest_none) return std::pair("filter.newest", "is 0, which names no tag; leave it out for all of them");
  const tag_filter& filter = *fields.filter;
  if (!filter.regex.empty() || filter.semver || filter.latest != 0) return std::nullopt;
  return std::pair("filter", "is empty; say which tags, {\"regex\": \".*\"} for all of them");
}

// Whoever wants everything says nothing: an empty choice is more likely a slip of what wrote the list.
constexpr const char* empty_choice = "is empty; leave it out for everything";

/// An entry as it stands in the text.
struct raw_entry : shared_fields {
  std::size_t line = 0;
  std::string source;
  std::string target;
};

/// Reads the text into entries; what the reader finds wrong is told with the entry that it is in.
class list_reader {
 public:
  explicit list_reader(const std::string& name) : name_(clean_text(name)) {}

  result<sync_list> read(std::string_view text);

 private:
  void add_fields(std::vector<json::field>& to, std::function<shared_fields&()> into);
  json::shape entries();
  check take_platform(shared_fields& into, const char* field, std::string_view text);
  failure described(const failure& why) const;
  result<sync_entry> finish(std::size_t index) const;
  /// What no single entry is to blame for.
  check check_defaults() const;
  /// \param line of the field; 0: that of the entry
  failure at(std::size_t index, std::string_view field, const std::string& why, std::size_t line = 0) const;

  std::string name_;
  json::position where_;
  shared_fields defaults_;
  std::vector<raw_entry> raw_;
};

check list_reader::take_platform(shared_fields& into, const char* field, std::string_view text) {
  if (!into.platform_field.empty() && into.platform_field != field)
    return refused(fmt::format("cannot stand beside {}; name all platforms in one of them", into.platform_field));
  into.platform_field = field;
  if (into.bare_field == field) into.bare_field.clear();
  error_code ec;
  platform one = parse_architecture(text, ec);
  if (ec) return refused(fmt::format("'{}' is not a platform, which are written linux/amd64, arm64 or arm/v7", clean_text(text, 64)));
  if (!into.platforms) into.platforms.emplace();
  if (std::find(into.platforms->begin(), into.platforms->end(), one) == into.platforms->end()) into.platforms->push_back(std::move(one));
  return {};
}

void list_reader::add_fields(std::vector<json::field>& to, std::function<shared_fields&()> into) {
  to.push_back({"registry", json::string([into](std::string_view text) -> check {
                  auto place = model::parse_place(text);
                  if (!place) return place.error();
                  into().place = std::move(*place);
                  return {};
                })});
  to.push_back({"tags", json::array(json::string([into](std::string_view tag) -> check {
                                      if (!model::is_tag(tag)) return refused(fmt::format("'{}' is not a tag", clean_text(tag, 64)));
                                      auto& tags = *into().tags;
                                      if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.emplace_back(tag);
                                      return {};
                                    }),
                                    {}, 10'000, [into] { into().tags.emplace(); })});
  const auto filter = [into]() -> tag_filter& { return *into().filter; };
  std::vector<json::field> conditions;
  conditions.push_back({"regex", json::string([filter](std::string_view text) -> check {
                          filter().regex = text;
                          return model::check_filter(filter());
                        })});
  conditions.push_back({"semver", json::string([filter](std::string_view text) -> check {
                          filter().semver = text;
                          return model::check_filter(filter());
                        })});
  conditions.push_back({"newest", json::integer([filter, into](std::uint64_t count) {
                          filter().latest = static_cast<std::size_t>(count);
                          into().newest_none = count == 0;
                        })});
  to.push_back({"filter", json::object(std::move(conditions), json::unknown_keys::refuse, [this, into] {
                  into().filter.emplace();
                  into().filter_line = where_.line;
                })});
  for (const char* const field : {"platforms", "architectures"}) {
    json::shape one = json::string([this, into, field](std::string_view text) { return take_platform(into(), field, text); });
    to.push_back({field, json::array(std::move(one), {}, 10'000, [this, into, field] {
                    // One that stands behind an empty one does not make up for it.
                    if (!into().bare_field.empty()) return;
                    into().bare_field = field;
                    into().bare_line = where_.line;
                  })});
  }
  to.push_back({"timeout", json::string_or_integer([into](std::string_view text) -> check {
                  const auto time = parse_duration(text);
                  if (!time)
                    return refused(fmt::format("'{}' is not a time such as 90, \"90s\", \"5m\" or \"1h30m\"", clean_text(text, 64)));
                  into().timeout = *time;
                  return {};
                })});
  to.push_back({"architecture_timeouts", json::map([into](std::string key, std::string value) {
                  auto& times = into().platform_timeouts;
                  if (!times) times.emplace();
                  error_code ec;
                  platform one = parse_architecture(key, ec);
                  const auto time = parse_duration(value);
                  // A map cannot refuse: an empty platform is told when the entry is made.
                  times->emplace_back(ec || !time ? platform() : std::move(one), time.value_or(std::chrono::milliseconds()));
                })});
  to.push_back({"retries", json::string_or_integer([into](std::string_view text) -> check {
                  const bool digits = !text.empty() && text.size() <= 3 && text.find_first_not_of("0123456789") == std::string_view::npos;
                  const unsigned long count = digits ? std::stoul(std::string(text)) : most_retries + 1;
                  if (count > most_retries) return refused(fmt::format("is not a number from 0 to {}", most_retries));
                  into().retries = static_cast<unsigned>(count);
                  return {};
                })});
  to.push_back({"mirrors", json::array(json::string([into](std::string_view text) -> check {
                                         if (text.empty()) return refused("is empty");
                                         into().mirrors->emplace_back(text);
                                         return {};
                                       }),
                                       {}, 100, [this, into] {
                                         into().mirrors.emplace();
                                         into().mirrors_line = where_.line;
                                       })});
}

json::shape list_reader::entries() {
  std::vector<json::field> fields;
  add_fields(fields, [this]() -> shared_fields& { return raw_.back(); });
  fields.push_back({"source", json::string([this](std::string_view text) -> check {
                      raw_.back().source = text;
                      return {};
                    })});
  fields.push_back({"target", json::string([this](std::string_view text) -> check {
                      raw_.back().target = text;
                      return model::check_target(text);
                    })});
  const auto begin = [this] {
    raw_.emplace_back();
    raw_.back().line = where_.line;
  };
  return json::array(json::object(std::move(fields), json::unknown_keys::refuse, begin), {}, most_entries);
}

result<sync_list> list_reader::read(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] != '[' && text[first] != '{') {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(first), '\n');
    return failure(errc::invalid_option, fmt::format("{}, line {} is no list in JSON; write [{}]", name_, line, entry_form));
  }
  json::shape top = entries();
  if (first != std::string_view::npos && text[first] == '{') {
    std::vector<json::field> fields;
    add_fields(fields, [this]() -> shared_fields& { return defaults_; });
    std::vector<json::field> members;
    members.push_back({"defaults", json::object(std::move(fields), json::unknown_keys::refuse)});
    members.push_back({"images", std::move(top), json::need::required});
    top = json::object(std::move(members), json::unknown_keys::refuse);
  }
  const auto done = json::read(text, top, name_, {}, &where_);
  if (!done) return described(done.error());
  if (auto fit = check_defaults(); !fit) return fit.error();
  sync_list list;
  for (std::size_t i = 0; i < raw_.size(); ++i) {
    auto entry = finish(i);
    if (!entry) return entry.error();
    list.entries.push_back(std::move(*entry));
  }
  return list;
}

failure list_reader::described(const failure& why) const {
  const error_code code = why.code == errc::limit_exceeded ? why.code : make_error_code(errc::invalid_option);
  if (where_.place.empty() && where_.why.empty()) return {code, why.text.message()};
  if (where_.place.empty())
    return {code, fmt::format("{}, line {}{} {}", name_, where_.line, where_.why.starts_with("is ") ? "" : ":", where_.why)};
  // `images[2].tags[0]` or `[2].tags[0]`: people count entries from 1.
  std::string_view field = where_.place;
  if (field.starts_with("images[")) field.remove_prefix(std::string_view("images").size());
  // A member may be called anything, `[x]` as well.
  std::size_t index = 0;
  const bool in_list = field.starts_with('[');
  const auto [end, error] = std::from_chars(field.data() + (in_list ? 1 : 0), field.data() + field.size(), index);
  const auto close = static_cast<std::size_t>(end - field.data());
  if (!in_list || error != std::errc() || !field.substr(close).starts_with(']')) {
    return {code, fmt::format("{}, line {}: {} {}", name_, where_.line, where_.place, where_.why)};
  }
  field.remove_prefix(close + 1);
  if (field.starts_with('.')) field.remove_prefix(1);
  const std::string way_out =
      field.empty() && where_.why.ends_with("expected an object") ? fmt::format("; write {}", entry_form) : std::string();
  const std::size_t number = index + 1;
  std::string entry = fmt::format("entry {}", number);
  if (number == raw_.size() && !raw_.back().source.empty()) entry += fmt::format(" ({})", clean_text(hide_user(raw_.back().source), 128));
  return {code, fmt::format("{}, line {}: {}: {}{}{}{}", name_, where_.line, entry, field, field.empty() ? "" : " ", where_.why, way_out)};
}

failure list_reader::at(std::size_t index, std::string_view field, const std::string& why, std::size_t line) const {
  const raw_entry& raw = raw_[index];
  const std::string source = raw.source.empty() ? std::string() : fmt::format(" ({})", clean_text(hide_user(raw.source), 128));
  return {errc::invalid_option,
          fmt::format("{}, line {}: entry {}{}: {} {}", name_, line != 0 ? line : raw.line, index + 1, source, field, why)};
}

check list_reader::check_defaults() const {
  const auto wrong = [this](std::size_t line, const std::string& field, const std::string& why) {
    return failure(errc::invalid_option, fmt::format("{}, line {}: defaults.{} {}", name_, line, field, why));
  };
  if (const auto why = empty_filter(defaults_)) return wrong(defaults_.filter_line, why->first, why->second);
  if (!defaults_.bare_field.empty()) return wrong(defaults_.bare_line, defaults_.bare_field, empty_choice);
  for (const std::string& text : defaults_.mirrors.value_or(std::vector<std::string>())) {
    if (auto mirror = model::read_mirror(text, reference()); !mirror)
      return wrong(defaults_.mirrors_line, "mirrors", mirror.error().text.message());
  }
  return {};
}

result<sync_entry> list_reader::finish(std::size_t index) const {
  const raw_entry& raw = raw_[index];
  const auto either = [](const auto& own, const auto& common) { return own ? own : common; };
  sync_entry entry;
  entry.number = index + 1;
  entry.line = raw.line;
  if (raw.source.empty()) return at(index, "source", "is missing");
  bool names_image = false;
  if (const auto read = model::read_source(raw.source, entry, names_image); !read) return at(index, "source", read.error().text.message());
  entry.target = raw.target;
  entry.place = either(raw.place, defaults_.place);
  // An entry that says itself which tags it wants does not get those of all.
  const bool own_tags = raw.tags || raw.filter;
  if (raw.tags) entry.tags = *raw.tags;
  if (raw.filter) entry.filter = raw.filter;
  if (!own_tags && !names_image) {
    if (defaults_.tags) entry.tags = *defaults_.tags;
    entry.filter = defaults_.filter;
  }
  if (const auto why = empty_filter(raw); why && !names_image) return at(index, why->first, why->second, raw.filter_line);
  if (names_image && entry.filter) return at(index, "filter", "chooses among tags, and the source names one image");
  if (!entry.directory.empty() && entry.filter) return at(index, "filter", "is for repositories; name the tags of a directory");
  if (names_image && entry.tags.empty() && !entry.source.tag().empty()) entry.tags.push_back(entry.source.tag());
  if (entry.tags.empty() && !entry.filter) {
    if (const auto parts = model::split_layout_tag(entry.directory)) {
      return at(index, "tags",
                fmt::format("is missing; of a directory write \"source\": \"oci:{}\", \"tags\": [\"{}\"]", clean_text(parts->first, 128),
                            parts->second));
    }
    return at(index, "tags", names_image ? "is missing: a digest alone gives the copy no name" : "is missing; name tags, or a filter");
  }
  if (!raw.bare_field.empty()) return at(index, raw.bare_field, empty_choice, raw.bare_line);
  entry.platforms = either(raw.platforms, defaults_.platforms).value_or(std::vector<platform>());
  entry.timeout = either(raw.timeout, defaults_.timeout);
  entry.platform_timeouts =
      either(raw.platform_timeouts, defaults_.platform_timeouts).value_or(std::vector<std::pair<platform, std::chrono::milliseconds>>());
  for (const auto& [one, time] : entry.platform_timeouts) {
    if (one.architecture.empty()) return at(index, "architecture_timeouts", "needs architectures and times, e.g. {\"arm64\": \"20m\"}");
    if (std::find(entry.platforms.begin(), entry.platforms.end(), one) != entry.platforms.end()) continue;
    if (!raw.platform_timeouts) continue;  // the defaults speak of all there may be
    return at(index, "architecture_timeouts", fmt::format("names {}, which is not among the entry's architectures", to_string(one)));
  }
  entry.retries = either(raw.retries, defaults_.retries);
  for (const std::string& text : either(raw.mirrors, defaults_.mirrors).value_or(std::vector<std::string>())) {
    auto mirror = model::read_mirror(text, raw.mirrors ? entry.source : reference());
    if (!mirror) return at(index, "mirrors", mirror.error().text.message());
    if (raw.mirrors || mirror->registry == entry.source.registry()) entry.mirrors.push_back(std::move(*mirror));
  }
  return entry;
}

}  // namespace

std::string sync_entry::label() const {
  const std::string from = source.empty() ? "oci:" + directory : source.tag().empty() && !source.digest() ? source.name() : source.string();
  return line == 0 ? fmt::format("entry {} ({})", number, from) : fmt::format("entry {} ({}, line {})", number, from, line);
}

std::vector<mirror_setting> sync_list::mirrors() const {
  std::vector<mirror_setting> all;
  std::set<std::pair<std::string, std::string>> known;
  for (const sync_entry& entry : entries) {
    for (const mirror_setting& one : entry.mirrors) {
      if (known.emplace(one.registry, one.url).second) all.push_back(one);
    }
  }
  return all;
}

sync_list parse_sync_list(std::string_view text, const std::string& name, error_code& ec, diagnostics& diag) {
  auto list = list_reader(name).read(without_byte_order_mark(text));
  ec = list ? error_code() : list.error().code;
  diag = list ? diagnostics() : list.error().text;
  return list ? std::move(*list) : sync_list();
}

}  // namespace gantry
