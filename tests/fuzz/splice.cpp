// Synology's .tar.gz holds layers as the registry has them: their gzip members stand between ours.

#include "archive/file_set.hpp"
#include "archive/gzip_sink.hpp"
#include "archive/inflating_reader.hpp"
#include "archive/layer_facts.hpp"
#include "fuzz/made_tar.hpp"
#include "fuzz/targets.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace gantry::fuzz {
namespace {

class text_sink final : public archive::byte_sink {
 public:
  result<void> write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  result<void> finish() override { return {}; }

  std::string text;
};

/// More than any input of a fuzzer has a use for.
constexpr std::size_t enough = std::size_t{4} << 20;

/// All members of \p gzip, as zlib reads them; nothing when it is no gzip file from its beginning to its end, or too much.
std::optional<std::string> gunzip(std::string_view gzip) {
  std::string text;
  z_stream stream{};
  expect(::inflateInit2(&stream, 15 + 16) == Z_OK, "zlib works");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  int status = Z_OK;
  while (text.size() <= 2 * enough) {
    unsigned char out[4096];
    stream.next_out = out;
    stream.avail_out = sizeof out;
    status = ::inflate(&stream, Z_NO_FLUSH);
    text.append(reinterpret_cast<const char*>(out), sizeof out - stream.avail_out);
    if (status == Z_STREAM_END && stream.avail_in != 0) status = ::inflateReset(&stream);
    if (status != Z_OK) break;
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  ::inflateEnd(&stream);
  return whole ? std::optional(std::move(text)) : std::nullopt;
}

/// \p text as one gzip member of zlib's.
std::string gzip_of(std::string_view text, int level) {
  std::string gzip(text.size() + text.size() / 8 + 128, '\0');
  z_stream stream{};
  expect(::deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK, "zlib works");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_out = static_cast<uInt>(gzip.size());
  expect(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "there is room for what does not get smaller");
  gzip.resize(stream.total_out);
  ::deflateEnd(&stream);
  return gzip;
}

/// What \p layer inflates to when the writer of archives would pass it on as it is.
std::optional<std::string> whole_members(std::string_view layer) {
  const auto reader = archive::reader_of(std::string(layer));
  const auto kind = archive::sniff(*reader);
  if (!kind || *kind != model::compression::gzip) return std::nullopt;
  archive::inflating_reader inflated(*reader, *kind, "x", {enough, 1'100, enough});
  std::string text;
  std::array<std::byte, 4096> block{};
  for (std::size_t got = block.size(); got == block.size();) {
    const auto read = inflated.read(block);
    if (!read || text.size() > enough) return std::nullopt;
    got = *read;
    text.append(reinterpret_cast<const char*>(block.data()), got);
  }
  if (inflated.facts().trailing != 0) return std::nullopt;
  return text;
}

/// Puts \p layer between bytes of ours, in two pieces that meet at \p cut.
void splice(std::string_view layer, std::size_t cut) {
  const auto inside = whole_members(layer);
  if (!inside) return;
  const std::string front = "what stands in front";
  text_sink below;
  archive::gzip_sink sink(below);
  const auto reader = archive::reader_of(std::string(layer));
  std::string seen;
  const auto observe = [&](std::span<const std::byte> bytes) { seen.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); };
  cut = std::clamp<std::size_t>(cut, 1, layer.size() - 1);
  const bool done = sink.write(bytes_of(front)) && sink.copy_members(*reader, 0, cut, observe) &&
                    sink.copy_members(*reader, cut, layer.size() - cut, observe);
  expect(done && seen == layer, "every byte that is passed on is seen");
  expect(!gunzip(below.text), "what breaks off behind a layer is no whole gzip file");
  expect(sink.write(bytes_of("behind")) && sink.finish(), "memory takes everything");
  const auto whole = gunzip(below.text);
  expect(whole && *whole == front + *inside + "behind", "a spliced layer inflates to what it was, and all around it");
}

}  // namespace

/// The bytes as they are; and as the content of a layer of two members, the second one stored.
void read_splice(std::string_view text) {
  const std::size_t cut = text.empty() ? 0 : static_cast<unsigned char>(text.back()) * text.size() / 256;
  splice(text, cut);
  splice(gzip_of(text.substr(0, cut), 1) + gzip_of(text.substr(cut), 0), text.size() - cut);
}

}  // namespace gantry::fuzz
