#include "archive_fixture.hpp"

#include "archive/gzip_sink.hpp"
#include "archive/tar.hpp"
#include "model/digester.hpp"
#include "model/json_writer.hpp"
#include "model/media_type.hpp"
#include "runtime/file.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#ifdef GANTRY_HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#include <algorithm>
#include <cstring>
#include <random>

namespace gantry::archive::fixture {
namespace {

class memory_reader final : public model::blob_reader {
 public:
  memory_reader(std::string bytes, std::uint64_t size, std::optional<runtime::file> file)
      : bytes_(std::move(bytes)), size_(size), file_(std::move(file)) {}

  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const std::size_t count = std::min(into.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }
  int native_handle() const noexcept override { return file_ ? file_->descriptor() : -1; }

 private:
  std::string bytes_;
  std::uint64_t size_;
  std::optional<runtime::file> file_;
};

std::string tar_of_one_file(std::string_view name, std::string_view content) {
  std::string tar = tar_header(name, content.size(), tar_type::file);
  tar.append(content).append(tar_padding(content.size()), '\0').append(tar_end_size, '\0');
  return tar;
}

std::string gzip_of(std::string_view bytes) {
  memory_sink out;
  gzip_sink gzip(out);
  REQUIRE(gzip.write(std::as_bytes(std::span(bytes.data(), bytes.size()))).has_value());
  REQUIRE(gzip.finish().has_value());
  return out.bytes;
}

void write_pointer(model::json_writer& out, const descriptor& value) {
  out.begin_object().member("mediaType", value.media_type).member("digest", value.digest.string()).member("size", value.size);
  if (value.platform) {
    out.key("platform").begin_object().member("os", value.platform->os).member("architecture", value.platform->architecture).end_object();
  }
  out.end_object();
}

}  // namespace

descriptor memory_blobs::put(std::string bytes, std::string media_type) {
  descriptor blob;
  blob.media_type = std::move(media_type);
  blob.digest = model::digest_of(bytes);
  blob.size = bytes.size();
  blobs_[blob.digest] = std::move(bytes);
  return blob;
}

result<std::unique_ptr<model::blob_reader>> memory_blobs::open(const descriptor& blob) {
  opened_.push_back(blob.digest);
  const auto found = blobs_.find(blob.digest);
  if (found == blobs_.end()) return failure(errc::not_found, "blob " + blob.digest.string() + " is not there");
  std::string bytes = found->second;
  const std::uint64_t size = bytes.size();
  if (const auto cut = shortened_.find(blob.digest); cut != shortened_.end()) bytes.resize(static_cast<std::size_t>(cut->second));
  std::optional<runtime::file> file;
  if (!directory_.empty()) {
    const std::filesystem::path path = directory_ / std::string(blob.digest.encoded());
    gantry::test::spill(path, bytes);
    result<runtime::file> opened = runtime::file::open(path, runtime::open_mode::read);
    if (!opened) return opened.error();
    file = std::move(*opened);
  }
  return std::unique_ptr<model::blob_reader>(std::make_unique<memory_reader>(std::move(bytes), size, std::move(file)));
}

result<void> memory_sink::write(std::span<const std::byte> part) {
  if (bytes.size() + part.size() > limit_) return failure(errc::no_space, "the sink is full");
  bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  return {};
}

result<void> memory_sink::finish() {
  finished = true;
  return {};
}

std::string noise(std::size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random() >> 8);
  return out;
}

std::string prose(std::size_t size) {
  std::string out;
  for (unsigned line = 0; out.size() < size; ++line) out += "line " + std::to_string(line) + " of a text that says little\n";
  out.resize(size);
  return out;
}

archived_manifest build_image(memory_blobs& blobs, std::string_view architecture, const std::vector<std::string>& layer_contents,
                              bool docker_types) {
  namespace types = model::media_type;
  archived_manifest held;
  held.platform = platform_of("linux/" + std::string(architecture));
  std::vector<std::string> diff_ids;
  for (std::size_t i = 0; i < layer_contents.size(); ++i) {
    const std::string tar = tar_of_one_file("file" + std::to_string(i), layer_contents[i]);
    diff_ids.push_back(model::digest_of(tar).string());
    held.layers.push_back(blobs.put(gzip_of(tar), std::string(docker_types ? types::docker_layer_gzip : types::oci_layer_gzip)));
  }
  model::json_writer config;
  config.begin_object().member("architecture", std::string(architecture)).member("os", "linux").key("config").begin_object().end_object();
  config.key("rootfs").begin_object().member("type", "layers").member("diff_ids", diff_ids).end_object().end_object();
  held.config = blobs.put(config.take(), std::string(docker_types ? types::docker_config : types::oci_config));

  model::json_writer manifest;
  const std::string type(docker_types ? types::docker_manifest : types::oci_manifest);
  manifest.begin_object().member("schemaVersion", 2).member("mediaType", type).key("config");
  write_pointer(manifest, *held.config);
  manifest.key("layers").begin_array();
  for (const descriptor& layer : held.layers) write_pointer(manifest, layer);
  manifest.end_array().end_object();
  held.manifest = blobs.put(manifest.take(), type);
  return held;
}

archived_image single(const archived_manifest& held, std::string_view name) {
  archived_image image;
  if (!name.empty()) image.names = {name_of(name)};
  image.top = held.manifest;
  image.manifests = {held};
  return image;
}

archived_image multi(memory_blobs& blobs, std::vector<archived_manifest> held, std::string_view name, bool whole, bool docker_types) {
  model::json_writer index;
  const std::string type(docker_types ? model::media_type::docker_list : model::media_type::oci_index);
  index.begin_object().member("schemaVersion", 2).member("mediaType", type).key("manifests").begin_array();
  for (const archived_manifest& one : held) {
    descriptor pointer = one.manifest;
    pointer.platform = one.platform;
    write_pointer(index, pointer);
  }
  index.end_array().end_object();
  archived_image image;
  if (!name.empty()) image.names = {name_of(name)};
  image.top = blobs.put(index.take(), type);
  if (whole) image.indexes = {image.top};
  image.manifests = std::move(held);
  return image;
}

std::string written(const layout& plan, model::blob_source& blobs) {
  memory_sink out;
  const std::atomic<bool> stop{false};
  const result<std::uint64_t> size = write_archive(plan, blobs, out, {}, stop);
  REQUIRE(size.has_value());
  REQUIRE(*size == plan.size);
  REQUIRE(out.finished);
  return out.bytes;
}

reference name_of(std::string_view text) {
  error_code ec;
  reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

platform platform_of(std::string_view text) {
  error_code ec;
  platform value = platform::parse(text, ec);
  REQUIRE_FALSE(ec);
  return value;
}

std::string python(const std::string& script, const std::vector<std::string>& arguments) {
  gantry::test::command what;
  what.argv = {"python3", "-c", script};
  what.argv.insert(what.argv.end(), arguments.begin(), arguments.end());
  std::string out = gantry::test::run_or_throw(what);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

bool tar_accepts(const std::filesystem::path& archive) {
  gantry::test::command what;
  what.argv = {"tar", "-tf", archive.string()};
  return gantry::test::run(what).ok();
}

std::optional<std::string> libarchive_reads([[maybe_unused]] const std::filesystem::path& archive) {
#ifdef GANTRY_HAVE_LIBARCHIVE
  const std::unique_ptr<::archive, decltype(&::archive_read_free)> reader(::archive_read_new(), &::archive_read_free);
  ::archive_read_support_format_tar(reader.get());
  ::archive_read_support_filter_gzip(reader.get());
  if (::archive_read_open_filename(reader.get(), archive.c_str(), 65536) != ARCHIVE_OK) return ::archive_error_string(reader.get());
  std::string listed;
  std::string part(65536, '\0');
  ::archive_entry* member = nullptr;
  int status = ARCHIVE_OK;
  while ((status = ::archive_read_next_header(reader.get(), &member)) == ARCHIVE_OK) {
    std::uint64_t size = 0;
    la_ssize_t count = 0;
    while ((count = ::archive_read_data(reader.get(), part.data(), part.size())) > 0) size += static_cast<std::uint64_t>(count);
    if (count < 0) return ::archive_error_string(reader.get());
    listed.append(::archive_entry_pathname(member)).append(" ").append(std::to_string(size)).append("\n");
  }
  if (status != ARCHIVE_EOF) return ::archive_error_string(reader.get());
  return listed;
#else
  return std::nullopt;
#endif
}

}  // namespace gantry::archive::fixture
