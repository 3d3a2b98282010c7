#include "support/layer_builder.hpp"

#include "support/sha256.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace gantry::test {

struct layer_builder::state {
  z_stream stream{};
  sha256 raw;
  std::string out;
};

layer_builder::layer_builder(int level) : state_(std::make_unique<state>()) {
  // 15 + 16: a gzip member with an empty header, hence the same bytes on every machine.
  if (deflateInit2(&state_->stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2 failed");
}

layer_builder::~layer_builder() { deflateEnd(&state_->stream); }

std::size_t layer_builder::size() const noexcept { return state_->out.size(); }

void layer_builder::put(std::string_view bytes, int flush) {
  state_->raw.update(bytes);
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, 65536> buffer;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    deflate(&stream, flush);
    state_->out.append(buffer.data(), buffer.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

void layer_builder::add(std::string_view name, std::string_view content, unsigned mode) {
  if (name.size() > 100) throw std::invalid_argument("a name of more than 100 bytes");
  std::array<char, 512> header{};
  name.copy(header.data(), name.size());
  std::snprintf(header.data() + 100, 8, "%07o", mode);
  std::snprintf(header.data() + 108, 8, "%07o", 0U);
  std::snprintf(header.data() + 116, 8, "%07o", 0U);
  std::snprintf(header.data() + 124, 12, "%011zo", content.size());
  std::snprintf(header.data() + 136, 12, "%011o", 0U);
  std::memset(header.data() + 148, ' ', 8);
  header[156] = '0';
  std::memcpy(header.data() + 257,
              "ustar\0"
              "00",
              8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  put(std::string_view(header.data(), header.size()), Z_NO_FLUSH);
  put(content, Z_NO_FLUSH);
  put(std::string((512 - content.size() % 512) % 512, '\0'), Z_NO_FLUSH);
}

layer_bytes layer_builder::finish() {
  put(std::string(1024, '\0'), Z_FINISH);
  return {std::move(state_->out), state_->raw.digest()};
}

std::string random_bytes(std::size_t size, std::uint32_t seed) {
  std::string result(size, '\0');
  std::uint64_t value = 0x9E3779B97F4A7C15ULL * (seed + 1ULL);
  for (std::size_t i = 0; i < size; i += 8) {
    value ^= value << 13;
    value ^= value >> 7;
    value ^= value << 17;
    std::memcpy(result.data() + i, &value, std::min<std::size_t>(8, size - i));
  }
  return result;
}

layer_bytes random_layer(std::size_t size, std::uint32_t seed) {
  layer_builder layer(0);
  layer.add("data/" + std::to_string(seed), random_bytes(size, seed));
  return layer.finish();
}

layer_bytes machine_layer(const std::vector<std::filesystem::path>& roots, std::uint64_t skip, std::uint64_t size, int level) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const fs::path& root : roots) {
    std::error_code ignored;
    for (fs::recursive_directory_iterator i(root, fs::directory_options::skip_permission_denied, ignored), end; i != end;
         i.increment(ignored)) {
      if (i->is_regular_file(ignored) && !i->is_symlink(ignored)) files.push_back(i->path());
    }
  }
  std::sort(files.begin(), files.end());

  layer_builder layer(level);
  std::uint64_t passed = 0;
  std::uint64_t taken = 0;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in || taken >= size) continue;
    std::error_code unknown;
    const std::uint64_t length = fs::file_size(file, unknown);
    if (unknown || length == 0) continue;
    passed += length;
    if (passed <= skip) continue;
    std::string content(static_cast<std::size_t>(std::min<std::uint64_t>(length, size - taken)), '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(in.gcount()));
    taken += content.size();
    const std::string name = file.relative_path().string();
    layer.add(name.size() <= 100 ? name : name.substr(name.size() - 100), content, 0755);
  }
  return layer.finish();
}

}  // namespace gantry::test
