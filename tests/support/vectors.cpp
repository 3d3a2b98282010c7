#include "support/vectors.hpp"

#include "support/catch.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const fs::path default_directory = fs::path(GANTRY_SOURCE_DIR) / "tests" / "vectors";

fs::path directory() {
  const char* name = std::getenv("GANTRY_VECTORS");
  return name != nullptr && *name != '\0' ? fs::path(name) : default_directory;
}

std::optional<std::string> contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

json::value parse(std::string_view text) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  return json::parse(json::string_view(text.data(), text.size()), {}, options);
}

struct decision {
  json::value input;
  std::string line;
  std::size_t uses = 0;
};

std::vector<decision> decisions_for(const std::string& table) {
  std::vector<decision> found;
  std::istringstream lines(contents(default_directory / "DECISIONS.md").value_or(""));
  const std::string start = "- `" + table + ".json` `";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(start)) continue;
    const std::size_t end = line.rfind("`: ");
    try {
      if (end == std::string::npos || end < start.size()) throw std::invalid_argument("no \"`: reason\"");
      found.push_back({parse(std::string_view(line).substr(start.size(), end - start.size())), line});
    } catch (const std::exception& error) {
      FAIL_CHECK("DECISIONS.md: " << error.what() << ": " << line);
    }
  }
  return found;
}

std::string text_of(const json::value& parent, std::string_view key) {
  const json::object* object = parent.if_object();
  const json::value* member = object != nullptr ? object->if_contains(json::string_view(key.data(), key.size())) : nullptr;
  if (member == nullptr || member->is_null()) return {};
  if (const json::string* text = member->if_string()) return std::string(text->data(), text->size());
  return json::serialize(*member);
}

}  // namespace

std::string vector_row::in(std::string_view key) const { return text_of(input, key); }
std::string vector_row::out(std::string_view key) const { return text_of(expected, key); }
bool vector_row::out_true(std::string_view key) const { return text_of(expected, key) == "true"; }

void for_each_row(const std::string& table, const std::function<void(const vector_row&)>& check) {
  const fs::path path = directory() / (table + ".json");
  const std::optional<std::string> text = contents(path);
  if (!text) {
    // Whoever names a directory of their own may have a part of the tables there.
    if (directory() == default_directory) FAIL_CHECK("there is no " << path.string());
    WARN("skipped: there is no " << path.string());
    return;
  }
  std::vector<decision> decisions = decisions_for(table);
  const json::value rows = parse(*text);
  std::size_t run = 0;
  std::size_t skipped = 0;
  for (const json::value& value : rows.as_array()) {
    vector_row row;
    row.members = value.as_object();
    if (const json::value* input = row.members.if_contains("input")) row.input = *input;
    if (const json::value* expected = row.members.if_contains("expected")) row.expected = *expected;
    row.source = text_of(value, "source");
    bool decided = false;
    for (decision& candidate : decisions) {
      if (candidate.input != row.input) continue;
      ++candidate.uses;
      decided = true;
    }
    if (decided) {
      ++skipped;
      continue;
    }
    ++run;
    INFO(table << ".json, source " << row.source);
    INFO("input " << json::serialize(row.input).substr(0, 2000));
    INFO("expected " << json::serialize(row.expected).substr(0, 2000));
    try {
      check(row);
    } catch (const std::exception& error) {
      FAIL_CHECK("exception: " << error.what());
    }
  }
  CHECK(run + skipped > 0);
  if (skipped != 0) WARN(table << ": " << run << " rows run, " << skipped << " decided against (tests/vectors/DECISIONS.md)");
  if (directory() != default_directory) return;
  for (const decision& candidate : decisions) {
    if (candidate.uses == 0) FAIL_CHECK("DECISIONS.md: no row of " << table << ".json has this input: " << candidate.line);
  }
}

}  // namespace gantry::test
