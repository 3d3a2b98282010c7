// Layers that 32 bits, or the eleven digits of a tar header, cannot count, and more than a hundred of them, in every format. The large ones
// are holes in files: nothing here reads or writes them.
#include "archive/directory_writer.hpp"
#include "archive/image_source.hpp"
#include "archive/layer_facts.hpp"
#include "archive/synology_layout.hpp"
#include "archive/writer.hpp"
#include "archive_fixture.hpp"
#include "model/digester.hpp"
#include "model/image_config.hpp"
#include "model/media_type.hpp"
#include "runtime/file.hpp"
#include "runtime/kernel_copy.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;
namespace types = model::media_type;
using test::must;

const std::atomic<bool> running{false};

constexpr std::uint64_t gib = std::uint64_t{1} << 30;
/// Above 2^32, and what ustar cannot say.
constexpr std::array<std::uint64_t, 2> sizes{5 * gib + 1, 9 * gib};

/// A blob of zeros, none of which is on the disk.
class hole final : public model::blob_reader {
 public:
  hole(runtime::file file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override { return file_.read_at(offset, into); }
  int native_handle() const noexcept override { return file_.descriptor(); }

 private:
  runtime::file file_;
  std::uint64_t size_;
};

/// Documents in memory, layers as files like those of a store.
class large_blobs final : public model::blob_source {
 public:
  explicit large_blobs(fs::path directory) : directory_(std::move(directory)) { fs::create_directory(directory_); }

  descriptor add_layer(std::uint64_t size) {
    descriptor layer;
    layer.media_type = types::oci_layer;
    layer.digest = model::digest_of("a layer of " + std::to_string(size));
    layer.size = size;
    const runtime::file file = must(runtime::file::open(path_of(layer), runtime::open_mode::create_new));
    must(file.truncate(size));
    file.set_permissions(0444);
    layers_[layer.digest] = size;
    return layer;
  }

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override {
    const auto found = layers_.find(blob.digest);
    if (found == layers_.end()) return documents.open(blob);
    result<runtime::file> file = runtime::file::open(path_of(blob), runtime::open_mode::read);
    if (!file) return file.error();
    return std::unique_ptr<model::blob_reader>(std::make_unique<hole>(std::move(*file), found->second));
  }

  fixture::memory_blobs documents;

 private:
  fs::path path_of(const descriptor& blob) const { return directory_ / std::string(blob.digest.encoded()); }

  fs::path directory_;
  std::map<digest, std::uint64_t> layers_;
};

std::string member(const descriptor& blob) {
  return R"({"mediaType":")" + blob.media_type + R"(","digest":")" + blob.digest.string() + R"(","size":)" + std::to_string(blob.size) +
         "}";
}

struct scene {
  test::temp_dir dir;
  large_blobs blobs{dir / "blobs"};
  archived_manifest held;

  scene() {
    std::string diff_ids;
    std::string layers;
    for (const std::uint64_t size : sizes) {
      const descriptor& layer = held.layers.emplace_back(blobs.add_layer(size));
      diff_ids += std::string(diff_ids.empty() ? "" : ",") + "\"" + layer.digest.string() + "\"";
      layers += (layers.empty() ? "" : ",") + member(layer);
    }
    held.platform = fixture::platform_of("linux/amd64");
    const std::string config =
        R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[)" + diff_ids + "]}}";
    held.config = blobs.documents.put(config, std::string(types::oci_config));
    const std::string manifest = R"({"schemaVersion":2,"mediaType":")" + std::string(types::oci_manifest) + R"(","config":)" +
                                 member(*held.config) + R"(,"layers":[)" + layers + "]}";
    held.manifest = blobs.documents.put(manifest, std::string(types::oci_manifest));
  }
  std::vector<archived_image> images() const { return {fixture::single(held, "large:1")}; }
};

/// A file in which layers stay holes.
class sparse_sink final : public byte_sink {
 public:
  explicit sparse_sink(const runtime::file& to) : to_(to) {}

  result<void> write(std::span<const std::byte> bytes) override {
    const result<void> written = to_.write_at(position_, bytes);
    position_ += bytes.size();
    return written;
  }
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override {
    if (from.native_handle() < 0) return byte_sink::copy(from, offset, length, kind, seen);
    position_ += length;
    return {};
  }
  result<void> finish() override { return to_.truncate(position_); }

 private:
  const runtime::file& to_;
  std::uint64_t position_ = 0;
};

std::vector<descriptor> layers_in(image_source& source) {
  REQUIRE(source.images().size() == 1);
  REQUIRE(source.images().front().content.manifests.size() == 1);
  return source.images().front().content.manifests.front().layers;
}

/// The layers are found in their sizes, to the last byte.
void check_large(const fs::path& archive) {
  const std::unique_ptr<image_source> source = must(open_image_source(archive, {}, running));
  const std::vector<descriptor> layers = layers_in(*source);
  REQUIRE(layers.size() == sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    CHECK(layers[i].size == sizes[i]);
    const std::unique_ptr<model::blob_reader> reader = must(source->open(layers[i]));
    CHECK(reader->size() == sizes[i]);
    std::array<std::byte, 2> end{};
    CHECK(must(reader->read_at(sizes[i] - 1, end)) == 1);
  }
}

/// GNU tar passes over contents without reading them.
void check_listed(const fs::path& archive) {
  const std::string listed = test::run_or_throw({.argv = {"tar", "-tvf", archive.string()}});
  for (const std::uint64_t size : sizes) CHECK(listed.find(" " + std::to_string(size) + " ") != std::string::npos);
}

std::vector<digest> digests_of(const std::vector<descriptor>& blobs) {
  std::vector<digest> list;
  for (const descriptor& one : blobs) list.push_back(one.digest);
  return list;
}

std::vector<digest> layers_of(const fs::path& archive) {
  const std::unique_ptr<image_source> source = must(open_image_source(archive, {}, running));
  return digests_of(layers_in(*source));
}

}  // namespace

TEST_CASE("layers above 4 and above 8 GiB stand in docker and oci archives") {
  scene s;
  std::map<std::string, layout> plans;
  plans["docker.tar"] = must(plan_docker(s.images(), s.held.platform));
  plans["oci.tar"] = must(plan_oci(s.images()));
  for (const auto& [name, plan] : plans) {
    CAPTURE(name);
    const runtime::file file = must(runtime::file::open(s.dir / name, runtime::open_mode::create_new));
    sparse_sink sink(file);
    CHECK(must(write_archive(plan, s.blobs, sink, {}, running)) == plan.size);
    CHECK(fs::file_size(s.dir / name) == plan.size);
    check_large(s.dir / name);
    check_listed(s.dir / name);
  }
}

TEST_CASE("layers above 4 and above 8 GiB stand in a directory, as the store's own files") {
  const mode_t before = ::umask(022);
  scene s;
  // Where files cannot be linked all of it would be copied.
  const descriptor probe = s.blobs.add_layer(1);
  const auto reader = must(s.blobs.open(probe));
  const runtime::kernel_copy linked = runtime::link_file(reader->native_handle(), (s.dir / "link").c_str());
  if (linked.status == runtime::kernel_copy_status::copied) {
    const layout plan = must(plan_oci(s.images()));
    output_directory to = must(output_directory::create(s.dir / "layout", 0));
    CHECK(must(write_directory(plan, s.blobs, to, {}, running, false)) > sizes[0] + sizes[1]);
    must(to.commit(false));
    check_large(s.dir / "layout");
  } else {
    WARN("skipped: files cannot be linked here");
  }
  ::umask(before);
}

TEST_CASE("layers above 4 and above 8 GiB have their place in the format synology") {
  // That such a layer is also inflated into it is shown by huge_layer_test.cpp.
  scene s;
  image_contents contents;
  contents.config = [&s](const descriptor& config) -> result<std::string> { return s.blobs.documents.bytes_of(config); };
  contents.facts = [](const descriptor& layer, const digest& diff_id) -> result<store::blob_meta> {
    store::blob_meta facts;
    facts.diff_id = diff_id;
    facts.raw_size = layer.size;
    return facts;
  };
  const layout plan = must(plan_synology(s.images(), contents));
  const fs::path archive = s.dir / "old.tar";
  const runtime::file file = must(runtime::file::open(archive, runtime::open_mode::create_new));
  for (const entry& one : plan.entries) {
    const std::string header = header_of(one);
    must(file.write_at(one.header_offset, std::as_bytes(std::span(header))));
    CHECK(one.data_offset == one.header_offset + header.size());
    std::string bytes;
    if (const auto* text = std::get_if<std::string>(&one.content)) bytes = *text;
    const auto* blob = std::get_if<descriptor>(&one.content);
    if (blob != nullptr && blob->digest == s.held.config->digest) bytes = s.blobs.documents.bytes_of(*blob);
    must(file.write_at(one.data_offset, std::as_bytes(std::span(bytes))));
  }
  must(file.truncate(plan.size));
  check_large(archive);
  check_listed(archive);
}

TEST_CASE("more than a hundred layers come back from every format, in their order") {
  const test::temp_dir dir;
  fixture::memory_blobs blobs;
  std::vector<std::string> texts;
  for (int i = 0; i < 128; ++i) texts.push_back("layer " + std::to_string(i));
  const archived_manifest held = fixture::build_image(blobs, "amd64", texts);
  const std::vector<archived_image> images{fixture::single(held, "many:1")};
  const std::vector<digest> expected = digests_of(held.layers);
  REQUIRE(expected.size() == 128);

  test::spill(dir / "docker.tar", fixture::written(must(plan_docker(images, held.platform)), blobs));
  CHECK(layers_of(dir / "docker.tar") == expected);
  const layout oci = must(plan_oci(images));
  test::spill(dir / "oci.tar", fixture::written(oci, blobs));
  CHECK(layers_of(dir / "oci.tar") == expected);
  output_directory to = must(output_directory::create(dir / "layout", 0));
  must(write_directory(oci, blobs, to, {}, running, false));
  must(to.commit(false));
  CHECK(layers_of(dir / "layout") == expected);

  image_contents contents;
  contents.config = [&blobs](const descriptor& config) -> result<std::string> { return blobs.bytes_of(config); };
  contents.facts = [&blobs](const descriptor& layer, const digest& diff_id) -> result<store::blob_meta> {
    return inspect_layer(**blobs.open(layer), layer, diff_id, running);
  };
  test::spill(dir / "old.tar", fixture::written(must(plan_synology(images, contents)), blobs));
  // There layers are what they inflate to.
  CHECK(layers_of(dir / "old.tar") == must(model::parse_image_config(blobs.bytes_of(*held.config), "the configuration")).diff_ids);
}

}  // namespace gantry::archive
