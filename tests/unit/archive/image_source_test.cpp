#include "archive/image_source.hpp"

#include "archive/image_tree.hpp"
#include "archive/layout.hpp"
#include "archive_fixture.hpp"
#include "model/media_type.hpp"
#include "old_docker_archive.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/tar_builder.hpp"
#include "support/temp_dir.hpp"
#include "support/vectors.hpp"

#include <atomic>
#include <filesystem>
#include <string>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;
using namespace fixture;
using test::must;
using test::must_fail;
using test::tar_builder;

const std::atomic<bool> running{false};

result<std::unique_ptr<image_source>> open(const std::string& tar, model::blob_source* elsewhere = nullptr) {
  const test::temp_dir directory;
  test::spill(directory / "archive.tar", tar);
  return open_image_source(directory / "archive.tar", {.elsewhere = elsewhere}, running);
}

std::string bytes_of(image_source& source, const descriptor& blob) { return must(read_blob(source, blob, 1 << 24, "the blob")); }

/// The digests of everything in an image, to compare two.
std::vector<std::string> content_of(const archived_image& image) {
  std::vector<std::string> list{image.top.digest.string()};
  for (const descriptor& index : image.indexes) list.push_back("index " + index.digest.string());
  for (const archived_manifest& one : image.manifests) {
    list.push_back(one.manifest.digest.string() + " " + to_string(one.platform) + (one.attestation ? " attestation" : ""));
    if (one.config) list.push_back(one.config->digest.string());
    for (const descriptor& layer : one.layers) list.push_back(layer.digest.string());
  }
  return list;
}

}  // namespace

TEST_CASE("a file that cannot be opened is named once") {
  const test::temp_dir directory;
  fs::create_symlink("loop", directory / "loop");  // root may open anything, but this
  const std::string path = (directory / "loop").string();
  const failure why = must_fail(open_image_source(path, {}, running), errc::storage_error);
  CHECK(why.text.message().starts_with("cannot open " + path + ": "));

  fs::create_directory(directory / "layout");
  fs::create_symlink("index.json", directory / "layout" / "index.json");
  const std::string layout = (directory / "layout").string();
  const failure within = must_fail(open_image_source(layout, {}, running), errc::storage_error);
  CHECK(within.text.message().starts_with("cannot read " + layout + "/index.json: "));
}

TEST_CASE("an archive of docker before 25 becomes an image with a manifest of its own") {
  const old_docker_archive old;
  const auto source = must(open(old.members().finish()));
  REQUIRE(source->images().size() == 1);
  const archived_image& image = source->images().front().content;
  REQUIRE(image.names.size() == 2);
  CHECK(image.names[0].string() == "docker.io/library/app:1");
  CHECK(image.names[1].string() == "example.com/app:2");
  REQUIRE(image.manifests.size() == 1);
  const archived_manifest& held = image.manifests.front();
  CHECK(to_string(held.platform) == "linux/amd64");
  CHECK(held.config->digest.encoded() == old.config_hex);
  REQUIRE(held.layers.size() == 2);
  for (const descriptor& layer : held.layers) {
    CHECK(layer.digest.string() == old.layer_digest);
    CHECK(layer.media_type == model::media_type::oci_layer);
    CHECK(bytes_of(*source, layer) == old.layer);
  }
  CHECK(bytes_of(*source, *held.config) == old.config);
  CHECK(bytes_of(*source, image.top).find(R"("schemaVersion":2)") != std::string::npos);

  // Where and in which order things lie makes no difference.
  tar_builder other;
  other.add("manifest.json", R"([{"Layers":["l1.tar","l1.tar"],"Config":"c.json","RepoTags":null}])").add("./c.json", old.config);
  const auto again = must(open(other.add("l1.tar", old.layer).finish()));
  CHECK(again->images().front().content.top.digest == image.top.digest);
  CHECK(again->images().front().content.names.empty());
}

TEST_CASE("compressed layers at the top of a docker archive are hashed and typed by what they are") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "arm64", {prose(5000), noise(3000, 1)});
  tar_builder tar;
  const std::string config = must(read_blob(blobs, *held.config, 1 << 20, "config"));
  tar.add("sha256:" + std::string(held.config->digest.encoded()), config);
  std::string layers;
  for (const descriptor& layer : held.layers) {
    const std::string name = std::string(layer.digest.encoded()) + ".tar.gz";
    tar.add(name, must(read_blob(blobs, layer, 1 << 20, "layer")));
    layers += (layers.empty() ? "\"" : ",\"") + name + "\"";
  }
  tar.add("manifest.json",
          R"([{"Config":"sha256:)" + std::string(held.config->digest.encoded()) + R"(","RepoTags":["x"],"Layers":[)" + layers + "]}]");
  const auto source = must(open(tar.finish()));
  const archived_manifest& read = source->images().front().content.manifests.front();
  REQUIRE(read.layers.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(read.layers[i].digest == held.layers[i].digest);
    CHECK(read.layers[i].media_type == model::media_type::oci_layer_gzip);
  }
}

TEST_CASE("our own archives are read back as they were planned") {
  memory_blobs blobs;
  std::vector<archived_manifest> held{build_image(blobs, "amd64", {"one", prose(3000)}), build_image(blobs, "arm64", {"one"})};
  std::vector<archived_image> images{multi(blobs, held, "example.com/multi:1", true), single(held[0], "app:2")};
  const std::string docker = written(must(plan_docker(images, platform_of("linux/amd64"))), blobs);
  const std::string oci = written(must(plan_oci(images)), blobs);
  for (const std::string& tar : {docker, oci}) {
    const auto source = must(open(tar));
    REQUIRE(source->images().size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(content_of(source->images()[i].content) == content_of(images[i]));
      CHECK(source->images()[i].content.names == images[i].names);
    }
    for (const descriptor& layer : held[0].layers) CHECK(source->holds(layer));
    CHECK_FALSE(source->open(held[0].layers[0]).value()->native_handle() >= 0);
  }
}

TEST_CASE("a directory is read like the archive that it could be packed into") {
  memory_blobs blobs;
  const std::vector<archived_image> images{single(build_image(blobs, "amd64", {"one"}), "app:2")};
  const test::temp_dir directory;
  test::spill(directory / "archive.tar", written(must(plan_oci(images)), blobs));
  fs::create_directory(directory / "layout");
  test::run_or_throw({{"tar", "-xf", (directory / "archive.tar").string(), "-C", (directory / "layout").string()}});
  const auto source = must(open_image_source(directory / "layout", {}, running));
  REQUIRE(source->images().size() == 1);
  CHECK(content_of(source->images()[0].content) == content_of(images[0]));
  CHECK(source->images()[0].tags == std::vector<std::string>{"2"});
  CHECK(bytes_of(*source, images[0].manifests[0].layers[0]).size() == images[0].manifests[0].layers[0].size);

  fs::remove(directory / "layout/index.json");
  fs::create_directory(directory / "layout/index.json");
  must_fail(open_image_source(directory / "layout", {}, running), errc::malformed_document);
}

TEST_CASE("a layout whose blobs are links is read when they lead to other blobs of it, and refused when they lead out") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {"one", "two"});
  const std::vector<archived_image> images(1, single(held, "app:2"));
  const test::temp_dir directory;
  test::spill(directory / "archive.tar", written(must(plan_oci(images)), blobs));
  const fs::path layout = directory / "layout";
  fs::create_directory(layout);
  test::run_or_throw({{"tar", "-xf", (directory / "archive.tar").string(), "-C", layout.string()}});
  const fs::path one = layout / "blobs/sha256" / std::string(held.layers[0].digest.encoded());
  const fs::path two = layout / "blobs/sha256" / std::string(held.layers[1].digest.encoded());
  const auto read = [&] {
    const auto source = must(open_image_source(layout, {}, running));
    for (const descriptor& layer : held.layers) CHECK(bytes_of(*source, layer) == blobs.bytes_of(layer));
  };
  fs::create_directory(layout / "layers");
  fs::rename(one, layout / "layers/one");
  fs::create_symlink("../../layers/one", one);
  fs::rename(two, layout / "layers/two");
  fs::create_hard_link(layout / "layers/two", two);
  read();
  fs::rename(layout / "blobs", layout / "kept");
  fs::create_directory_symlink("kept", layout / "blobs");
  read();

  // As with a directory that several layouts share.
  fs::rename(layout / "kept", directory / "shared");
  fs::remove(layout / "blobs");
  fs::create_directory_symlink("../shared", layout / "blobs");
  const failure whole = must_fail(open_image_source(layout, {}, running), errc::malformed_document);
  CHECK_THAT(whole.text.message(), Catch::Contains("the link blobs leads to ../shared: "));
  fs::remove(layout / "blobs");
  fs::rename(directory / "shared", layout / "blobs");
  fs::remove(one);
  fs::rename(layout / "layers/one", directory / "one");
  fs::create_symlink(directory / "one", one);
  const auto source = must(open_image_source(layout, {}, running));
  must_fail(source->open(held.layers[0]), errc::malformed_document);
  CHECK(bytes_of(*source, held.layers[1]) == blobs.bytes_of(held.layers[1]));
}

TEST_CASE("a directory in docker's form has no link to a file of whoever reads it") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {"one"});
  const test::temp_dir directory;
  const fs::path theirs = directory / "theirs";
  test::spill(directory / "private.tar.gz", blobs.bytes_of(held.layers[0]));
  test::spill(theirs / "config.json", blobs.bytes_of(*held.config));
  test::spill(theirs / "manifest.json", R"([{"Config":"config.json","RepoTags":["x:1"],"Layers":["layer.tar.gz"]}])");
  fs::create_symlink(directory / "private.tar.gz", theirs / "layer.tar.gz");
  const failure why = must_fail(open_image_source(theirs, {}, running), errc::malformed_document);
  CHECK_THAT(why.text.message(),
             Catch::Contains("the link layer.tar.gz leads to " + (directory / "private.tar.gz").string() + ": links are followed within"));
  fs::remove(theirs / "layer.tar.gz");
  fs::copy_file(directory / "private.tar.gz", theirs / "layer.tar.gz");
  CHECK(must(open_image_source(theirs, {}, running))->images().size() == 1);
}

TEST_CASE("compressed layers that no manifest names are compared with their configurations before they are sent on") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {prose(5000), "two"});
  const std::string first = blobs.bytes_of(held.layers[0]);
  const std::string second = blobs.bytes_of(held.layers[1]);
  const auto checked = [&](const std::string& lowest) -> result<void> {
    const auto source = must(open(tar_builder()
                                      .add("c", blobs.bytes_of(*held.config))
                                      .add("1.tar.gz", lowest)
                                      .add("2.tar.gz", second)
                                      .add("manifest.json", R"([{"Config":"c","RepoTags":["x"],"Layers":["1.tar.gz","2.tar.gz"]}])")
                                      .finish()));
    const std::vector<archived_image> images(1, source->images().front().content);
    const result<void> first_time = source->check_layers(images, running);
    CHECK(source->check_layers(images, running).has_value() == first_time.has_value());
    const std::atomic<bool> stop{true};
    if (!first_time) must_fail(source->check_layers(images, stop), errc::cancelled);
    return first_time;
  };
  must(checked(first));
  must_fail(checked(second), errc::digest_mismatch);
  std::string damaged = first;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  must_fail(checked(damaged), errc::malformed_document);
  // A layer that a manifest names has its digest from there: what it inflates to is for who unpacks it.
  const std::vector<archived_image> images(1, single(held, "app:2"));
  const auto layout = must(open(written(must(plan_oci(images)), blobs)));
  must(layout->check_layers(images, running));
}

TEST_CASE("an image layout of another version is refused, and one that tells none is read") {
  const auto layout_with = [](const std::string& marker) {
    tar_builder tar;
    if (!marker.empty()) tar.add("oci-layout", marker);
    tar.add("index.json", R"({"schemaVersion":2,"manifests":[]})");
    return open(tar.finish());
  };
  CHECK(must(layout_with(R"({"imageLayoutVersion":"1.0.0"})"))->images().empty());
  CHECK(must(layout_with(R"({"imageLayoutVersion":"1.1.0","more":true})"))->images().empty());
  CHECK(must(layout_with(""))->images().empty());
  const failure why = must_fail(layout_with(R"({"imageLayoutVersion":"9.0.0"})"), errc::unsupported_document);
  CHECK(why.text.message().find("9.0.0") != std::string::npos);
  must_fail(layout_with("{}"), errc::malformed_document);
  must_fail(layout_with("no json"), errc::malformed_document);
}

TEST_CASE("a tag alone is no name, a whole name is one") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {"one"});
  const std::string manifest = must(read_blob(blobs, held.manifest, 1 << 20, "manifest"));
  const auto layout_with = [&](const std::string& annotations) {
    tar_builder tar;
    tar.add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").add("blobs/sha256/" + std::string(held.manifest.digest.encoded()), manifest);
    tar.add("index.json", R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                              held.manifest.digest.string() + R"(","size":)" + std::to_string(manifest.size()) +
                              R"(,"platform":{"os":"linux","architecture":"amd64"},"annotations":{)" + annotations + "}}]}");
    return must(open(tar.finish()));
  };
  auto source = layout_with(R"("org.opencontainers.image.ref.name":"latest")");
  CHECK(source->images()[0].content.names.empty());
  CHECK(source->images()[0].tags == std::vector<std::string>{"latest"});
  source = layout_with(R"("org.opencontainers.image.ref.name":"localhost/x:3")");
  REQUIRE(source->images()[0].content.names.size() == 1);
  CHECK(source->images()[0].content.names[0].string() == "localhost/x:3");
  source = layout_with(R"("io.containerd.image.name":"docker.io/library/y:1","org.opencontainers.image.ref.name":"1")");
  CHECK(source->images()[0].content.names[0].string() == "docker.io/library/y:1");
  CHECK(source->images()[0].content.top.annotations.empty());
  source = layout_with(R"("org.opencontainers.image.ref.name":"no/REFERENCE at all")");
  CHECK(source->images()[0].content.names.empty());
  // Layers and config are not there: that is for whoever needs them to say.
  CHECK_FALSE(source->holds(held.layers[0]));
  must_fail(source->open(held.layers[0]), errc::not_found);
}

TEST_CASE("one image of several is chosen by tag, whole name or place") {
  memory_blobs blobs;
  std::vector<archived_image> images;
  for (const char* name : {"docker.io/library/x:1", "docker.io/library/y:2", "docker.io/library/z:2"}) {
    images.push_back(single(build_image(blobs, "amd64", {name}), name));
  }
  const std::string tar = written(must(plan_oci(images)), blobs);
  const test::temp_dir directory;
  test::spill(directory / "a.tar", tar);
  const auto chosen = [&](const std::string& image) { return open_image_source(archive_member{directory / "a.tar", image}, {}, running); };
  const std::vector<std::pair<std::string, std::size_t>> words{{"1", 0}, {"y:2", 1}, {"docker.io/library/z:2", 2}, {"@1", 1}};
  for (const auto& [word, which] : words) {
    INFO(word);
    const auto source = must(chosen(word));
    REQUIRE(source->images().size() == 1);
    CHECK(source->images()[0].content.top.digest == images[which].top.digest);
  }
  must_fail(chosen("3"), errc::not_found);
  must_fail(chosen("@3"), errc::not_found);
  must_fail(chosen(""), errc::not_found);
  must_fail(chosen("2"), errc::invalid_option);
}

TEST_CASE("a name or a tag of several that an image has means that one alone") {
  memory_blobs blobs;
  archived_image image = single(build_image(blobs, "amd64", {"one"}), "docker.io/library/x:1");
  error_code ec;
  image.names.push_back(reference::parse("docker.io/library/x:2", ec));
  const std::vector<archived_image> images(1, image);
  const std::string tar = written(must(plan_oci(images)), blobs);
  const test::temp_dir directory;
  test::spill(directory / "a.tar", tar);
  const auto names = [&](const std::string& word) {
    std::vector<std::string> list;
    const auto source = must(open_image_source(archive_member{directory / "a.tar", word}, {}, running));
    for (const reference& name : source->images().front().content.names) list.push_back(name.familiar());
    return list;
  };
  CHECK(names("2") == std::vector<std::string>{"x:2"});
  CHECK(names("x:1") == std::vector<std::string>{"x:1"});
  CHECK(names("@0") == std::vector<std::string>{"x:1", "x:2"});
}

TEST_CASE("layers that the archive lacks come from elsewhere, manifests do not") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {"one", "two"});
  const std::string manifest = must(read_blob(blobs, held.manifest, 1 << 20, "manifest"));
  const std::string index = R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                            held.manifest.digest.string() + R"(","size":)" + std::to_string(manifest.size()) + "}]}";
  must_fail(open(tar_builder().add("index.json", index).finish(), &blobs), errc::not_found);
  const std::string path = "blobs/sha256/" + std::string(held.manifest.digest.encoded());
  const std::string tar = tar_builder().add("index.json", index).add(path, manifest).finish();
  CHECK_FALSE(must(open(tar))->holds(held.layers[1]));
  CHECK(must(open(tar, &blobs))->holds(held.layers[1]));
}

TEST_CASE("an index of which only a part is there gives that part") {
  memory_blobs blobs;
  std::vector<archived_manifest> held{build_image(blobs, "amd64", {"one"}), build_image(blobs, "arm64", {"two"})};
  const archived_image whole = multi(blobs, held, "x:1", true);
  CHECK(content_of(must(read_image(blobs, whole.top, whole.names))) == content_of(whole));
  const archived_image part = must(read_image(blobs, whole.top, {}, {held[1].manifest.digest}));
  CHECK(part.indexes.empty());
  REQUIRE(part.manifests.size() == 1);
  CHECK(part.manifests[0].manifest.digest == held[1].manifest.digest);
}

TEST_CASE("what skopeo writes with dir: is called that") {
  const test::temp_dir directory;
  test::spill(directory / "version", "Directory Transport Version: 1.1\n");
  test::spill(directory / "manifest.json", R"({"schemaVersion":2,"config":{},"layers":[]})");
  const auto refused = open_image_source(directory.path(), {}, running);
  CHECK_THAT(must_fail(refused, errc::unsupported_document).text.message(), Catch::Contains("skopeo's dir: format, which is not read"));
}

TEST_CASE("of a directory of archives one is named, as there is no image in it") {
  const test::temp_dir directory;
  const auto refusal = [&] { return must_fail(open_image_source(directory.path(), {}, running), errc::not_found).text.message(); };
  test::spill(directory / "readme.txt", "hello");
  CHECK_THAT(refusal(), Catch::EndsWith("is at its top"));
  for (const char* name : {"nginx.tar.gz", "alpine.tar"}) test::spill(directory / name, "anything");
  CHECK_THAT(refusal(), Catch::EndsWith("archives lie in it: name one of them, e.g. " + (directory / "alpine.tar").string()));
}

TEST_CASE("archives that do not hold together are refused") {
  const old_docker_archive old;
  const std::string missing = R"([{"Config":"gone.json","Layers":[]}])";
  must_fail(open(tar_builder().add("manifest.json", missing).finish()), errc::malformed_document);
  must_fail(open(tar_builder().add("manifest.json", "[{\"Layers\":[]}]").finish()), errc::malformed_document);
  must_fail(open(tar_builder().add("manifest.json", "{}").finish()), errc::malformed_document);
  must_fail(open(tar_builder().add("readme.txt", "hello").finish()), errc::not_found);
  must_fail(open(tar_builder().add("repositories", "{}").finish()), errc::unsupported_document);
  // 1024 bytes too many in a member whose own end looks like that of the archive.
  const failure torn = must_fail(open(tar_builder().add("l", "x").add_raw(std::string(1024, '\0')).add("manifest.json", "[]").finish()),
                                 errc::malformed_document);
  CHECK(torn.text.message().find("goes on behind its end marker") != std::string::npos);
  must_fail(open(tar_builder().add("readme.txt", "hello").finish() + std::string(9000, 'x')), errc::not_found);
  must_fail(open("not a tar"), errc::malformed_document);
  must_fail(open(""), errc::malformed_document);
  // A second manifest.json: readers differ in which one counts.
  must_fail(open(old.members().add("./manifest.json", old.manifest).finish()), errc::malformed_document);
  // One layer less than the config says.
  must_fail(
      open(tar_builder().add("c", old.config).add("l", old.layer).add("manifest.json", R"([{"Config":"c","Layers":["l"]}])").finish()),
      errc::malformed_document);
  // A config that is not what its name says.
  must_fail(open(tar_builder()
                     .add(std::string(64, '0') + ".json", old.config)
                     .add("manifest.json", R"([{"Config":")" + std::string(64, '0') + R"(.json","Layers":[]}])")
                     .finish()),
            errc::digest_mismatch);
  // A device or a pipe where a file is wanted, under its own name and behind a link.
  for (const char type : {'3', '4', '6'}) {
    CAPTURE(type);
    const std::string manifest = R"([{"Config":"c","Layers":[]}])";
    must_fail(open(tar_builder().add("c", "", type).add("manifest.json", manifest).finish()), errc::malformed_document);
    must_fail(open(tar_builder().add("dev", "", type).symlink("c", "dev").add("manifest.json", manifest).finish()),
              errc::malformed_document);
  }
  // Links that lead out, in circles or to no file.
  for (const auto& [target, code] :
       {std::pair("/etc/passwd", errc::malformed_document), std::pair("../../../etc/passwd", errc::malformed_document),
        std::pair("c", errc::malformed_document), std::pair("d", errc::malformed_document)}) {
    CAPTURE(target);
    const std::string tar =
        tar_builder().directory("d/").symlink("c", target).add("manifest.json", R"([{"Config":"c","Layers":[]}])").finish();
    must_fail(open(tar), code);
  }
}

TEST_CASE("vectors: tar_breakouts", "[vectors]") {
  test::for_each_row("tar_breakouts", [](const test::vector_row& row) {
    const test::temp_dir directory;
    const old_docker_archive old;
    tar_builder tar = old.members();
    for (const auto& value : row.input.at("entries").as_array()) {
      const auto text = [&value](const char* key) {
        const auto* found = value.as_object().if_contains(key);
        return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
      };
      const std::string kind = text("type");
      const char type = kind == "dir" ? '5' : kind == "symlink" ? '2' : kind == "hardlink" ? '1' : kind == "fifo" ? '6' : '0';
      tar.add(text("name"), text("content"), type, text("target"));
    }
    // Whatever else is in the archive, what is read of it is the image, and nothing is written anywhere.
    test::spill(directory / "in/archive.tar", tar.finish());
    const auto source = open_image_source(directory / "in/archive.tar", {}, running);
    if (source) {
      CHECK((*source)->images().size() == 1);
      CHECK(bytes_of(**source, (*source)->images()[0].content.manifests[0].layers[0]) == old.layer);
    } else {
      CHECK(source.error().code == errc::malformed_document);
    }
    if (row.expected.as_object().contains("error")) CHECK_FALSE(source.has_value());
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(directory.path())) ++files;
    CHECK(files == 2);
  });
}

}  // namespace gantry::archive
