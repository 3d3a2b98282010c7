#include "jobs/have.hpp"

#include "archive/decoder.hpp"
#include "archive/image_source.hpp"
#include "archive/tar_header.hpp"
#include "base/redact.hpp"
#include "model/json.hpp"
#include "runtime/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace gantry::jobs {
namespace {

namespace json = model::json;

constexpr std::size_t text_limit = std::size_t{256} << 20;  ///< bytes: some million digests
constexpr std::size_t reference_limit = 1'000'000;

/// Whether a file begins like an archive.
result<bool> looks_like_archive(const std::filesystem::path& path) {
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) return true;
  const result<runtime::file> opened = runtime::file::open(path, runtime::open_mode::read);
  if (!opened) return opened.error();
  std::array<std::byte, archive::tar_block> block{};
  const result<std::size_t> got = opened->read_at(0, block);
  if (!got) return got.error();
  if (archive::sniff(std::span<const std::byte>(block).first(*got)) != model::compression::none) return true;
  return *got == block.size() && archive::decode_tar_header(block).has_value();
}

result<std::set<digest>> held_by_archive(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  archive::source_options how;
  how.spool_directory = std::filesystem::temp_directory_path();
  const result<std::unique_ptr<archive::image_source>> source = archive::open_image_source(path, how, stop);
  if (!source) return source.error();
  std::set<digest> held;
  const auto add = [&](const descriptor& blob) {
    if ((*source)->holds(blob)) held.insert(blob.digest);
  };
  for (const archive::source_image& image : (*source)->images()) {
    for (const archive::archived_manifest& one : image.content.manifests) {
      if (one.config) add(*one.config);
      for (const descriptor& layer : one.layers) add(layer);
    }
  }
  return held;
}

result<std::set<digest>> parse_listing(std::string_view text, std::string_view what) {
  std::set<digest> held;
  std::string name;
  bool here = false;
  // A blob counts when its object has ended: its members come in any order.
  const auto take = [&]() {
    error_code ec;
    const digest blob = here ? digest::parse(name, ec) : digest();
    if (blob) held.insert(blob);
    name.clear();
    here = false;
  };
  const json::shape blob = json::object({{"digest", json::string(name), json::need::required}, {"held", json::boolean(here)}});
  const json::shape manifest = json::object({{"blobs", json::array(blob, take)}});
  const json::shape reference = json::object({{"manifests", json::array(manifest)}});
  const json::shape top = json::object({{"references", json::array(reference, {}, reference_limit), json::need::required}});
  json::limits caps;
  caps.size = text_limit;
  if (const result<void> read = json::read(text, top, what, caps); !read) return read.error();
  take();
  return held;
}

}  // namespace

result<std::set<digest>> parse_have(std::string_view text, std::string_view what) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '{') return parse_listing(text, what);
  std::set<digest> held;
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view word = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const std::size_t first = word.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || word[first] == '#') continue;
    word = word.substr(first, word.find_last_not_of(" \t\r") + 1 - first);
    error_code ec;
    digest blob = digest::parse(word, ec);
    if (ec) {
      return failure(errc::malformed_document,
                     fmt::format("line {} of {} is no digest but '{}'; an archive, the output of 'gantry list --json' or one digest a line "
                                 "is wanted",
                                 line, what, clean_text(word, 80)));
    }
    held.insert(std::move(blob));
  }
  return held;
}

result<std::set<digest>> read_have(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  const result<bool> archive = looks_like_archive(path);
  if (!archive) return archive.error();
  if (*archive) return held_by_archive(path, stop);
  const result<std::string> text = runtime::read_file(path, text_limit);
  if (!text) return text.error();
  return parse_have(*text, clean_text(path.string()));
}

result<std::set<digest>> held_there(const std::vector<std::string>& paths, const std::atomic<bool>& stop) {
  std::set<digest> all;
  for (const std::string& path : paths) {
    result<std::set<digest>> held = read_have(path, stop);
    if (!held) return held.error();
    all.merge(*held);
  }
  return all;
}

}  // namespace gantry::jobs
