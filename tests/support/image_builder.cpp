#include "support/image_builder.hpp"

#include "support/http_client.hpp"
#include "support/sha256.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

namespace gantry::test {
namespace {

std::string oci_or_docker(media_family family, const char* oci, const char* docker) { return family == media_family::oci ? oci : docker; }

std::string comma_separated(const std::vector<std::string>& items) {
  std::string result;
  for (const std::string& item : items) result += (result.empty() ? "" : ",") + item;
  return result;
}

std::string object(const test_blob& blob, const std::string& more = {}) { return "{" + blob.descriptor_members() + more + "}"; }

std::string manifest_text(const std::string& media_type, const test_blob& config, const std::vector<test_blob>& layers,
                          const std::string& more = {}) {
  std::vector<std::string> entries;
  for (const test_blob& layer : layers) entries.push_back(object(layer));
  return R"({"schemaVersion":2,"mediaType":")" + media_type + R"(",)" + more + R"("config":)" + object(config) + R"(,"layers":[)" +
         comma_separated(entries) + "]}";
}

std::string platform_member(const std::string& os, const std::string& architecture, const std::string& variant) {
  return R"(,"platform":{"architecture":")" + architecture + R"(","os":")" + os + "\"" +
         (variant.empty() ? "" : R"(,"variant":")" + variant + "\"") + "}";
}

void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

void expect_status(const http_reply& reply, unsigned status, const std::string& what) {
  if (reply.status != status) throw std::runtime_error(what + ": status " + std::to_string(reply.status) + ": " + reply.body);
}

void push_blob(http_client& client, const std::string& repository, const test_blob& blob) {
  const std::string base = "/v2/" + repository + "/blobs/";
  if (client.head(base + blob.digest).status == 200) return;
  const http_reply started = client.send("POST", base + "uploads/", {}, "");
  expect_status(started, 202, "start an upload to " + repository);
  std::string location = started.header("location");
  if (const std::size_t path = location.find("/v2/"); path != std::string::npos) location.erase(0, path);
  location += (location.find('?') == std::string::npos ? "?" : "&") + std::string("digest=") + blob.digest;
  expect_status(client.send("PUT", location, {{"Content-Type", "application/octet-stream"}}, blob.bytes), 201, "upload " + blob.digest);
}

void push_manifest(http_client& client, const std::string& repository, const std::string& name, const test_blob& manifest) {
  const http_reply reply =
      client.send("PUT", "/v2/" + repository + "/manifests/" + name, {{"Content-Type", manifest.media_type}}, manifest.bytes);
  expect_status(reply, 201, "put manifest " + repository + ":" + name);
}

void push_image(http_client& client, const std::string& repository, const std::string& name, const test_image& image) {
  for (const test_blob& layer : image.layers) push_blob(client, repository, layer);
  push_blob(client, repository, image.config);
  push_manifest(client, repository, name, image.manifest);
}

}  // namespace

test_blob test_blob::of(std::string media_type, std::string bytes) {
  std::string digest = sha256_of(bytes);
  return {std::move(media_type), std::move(digest), std::move(bytes)};
}

test_blob test_blob::of_sha512(std::string media_type, std::string bytes) {
  std::string digest = sha512_of(bytes);
  return {std::move(media_type), std::move(digest), std::move(bytes)};
}

std::filesystem::path test_blob::path() const {
  const std::size_t colon = digest.find(':');
  return std::filesystem::path("blobs") / digest.substr(0, colon) / digest.substr(colon + 1);
}

std::string test_blob::descriptor_members() const {
  return R"("mediaType":")" + media_type + R"(","digest":")" + digest + R"(","size":)" + std::to_string(bytes.size());
}

std::uint64_t test_image::blob_bytes() const {
  std::uint64_t result = config.bytes.size();
  for (const test_blob& layer : layers) result += layer.bytes.size();
  return result;
}

test_image build_image(const image_recipe& recipe) {
  std::vector<layer_bytes> layers;
  std::uint32_t seed = recipe.seed * 1000;
  for (const std::size_t size : recipe.layers) layers.push_back(random_layer(size, seed++));
  return build_image(recipe, std::move(layers));
}

test_image build_image(const image_recipe& recipe, std::vector<layer_bytes> layers) {
  test_image image;
  image.os = recipe.os;
  image.architecture = recipe.architecture;
  image.variant = recipe.variant;
  std::vector<std::string> diff_ids;
  for (layer_bytes& layer : layers) {
    diff_ids.push_back("\"" + layer.diff_id + "\"");
    image.layers.push_back(test_blob::of(
        oci_or_docker(recipe.family, "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        std::move(layer.gzip)));
  }
  const std::string variant = recipe.variant.empty() ? "" : R"("variant":")" + recipe.variant + R"(",)";
  image.config = test_blob::of(
      oci_or_docker(recipe.family, "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"),
      R"({"created":"2024-01-01T00:00:00Z","architecture":")" + recipe.architecture + R"(",)" + variant + R"("os":")" + recipe.os +
          R"(","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[)" + comma_separated(diff_ids) + "]}}");
  const std::string type =
      oci_or_docker(recipe.family, "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json");
  image.manifest = test_blob::of(type, manifest_text(type, image.config, image.layers));
  return image;
}

test_image build_artifact() {
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  test_image artifact;
  artifact.config = test_blob::of("application/vnd.oci.empty.v1+json", "{}");
  artifact.layers.push_back(test_blob::of("text/plain", "not a file system\n"));
  artifact.manifest =
      test_blob::of(type, manifest_text(type, artifact.config, artifact.layers, R"("artifactType":"application/vnd.example.note",)"));
  return artifact;
}

test_index build_index(media_family family, std::vector<test_image> images, bool attestation) {
  test_index result;
  std::vector<std::string> entries;
  for (const test_image& image : images) {
    entries.push_back(object(image.manifest, platform_member(image.os, image.architecture, image.variant)));
  }
  if (attestation) {
    const std::string described = images.at(0).manifest.digest;
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    test_image statement;
    statement.os = "unknown";
    statement.architecture = "unknown";
    statement.config = test_blob::of("application/vnd.oci.image.config.v1+json",
                                     R"({"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}})");
    statement.layers.push_back(test_blob::of("application/vnd.in-toto+json", R"({"_type":"https://in-toto.io/Statement/v0.1"})"));
    statement.manifest = test_blob::of(type, manifest_text(type, statement.config, statement.layers));
    entries.push_back(object(statement.manifest, platform_member("unknown", "unknown", "") +
                                                     R"(,"annotations":{"vnd.docker.reference.digest":")" + described +
                                                     R"(","vnd.docker.reference.type":"attestation-manifest"})"));
    images.push_back(std::move(statement));
  }
  const std::string type =
      oci_or_docker(family, "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json");
  result.index = test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[)" + comma_separated(entries) + "]}");
  result.images = std::move(images);
  return result;
}

void replace_layer(test_image& image, std::size_t which, const test_blob& with, const std::string& more) {
  const test_blob before = image.layers.at(which);
  const std::string old_text = object(before);
  const std::string new_text = object(with, more);
  std::string manifest = image.manifest.bytes;
  for (std::size_t at = 0; (at = manifest.find(old_text, at)) != std::string::npos; at += new_text.size())
    manifest.replace(at, old_text.size(), new_text);
  image.manifest = test_blob::of(image.manifest.media_type, manifest);
  for (test_blob& layer : image.layers) {
    if (layer.digest == before.digest) layer = with;
  }
}

void write_layout(const std::filesystem::path& directory, const std::string& tag, const test_image& image) {
  const auto put = [&directory](const test_blob& blob) {
    std::filesystem::create_directories((directory / blob.path()).parent_path());
    write_file(directory / blob.path(), blob.bytes);
  };
  for (const test_blob& layer : image.layers) put(layer);
  put(image.config);
  put(image.manifest);
  write_file(directory / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_file(directory / "index.json",
             R"({"schemaVersion":2,"manifests":[)" +
                 object(image.manifest, R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + "\"}") + "]}");
}

void push(std::uint16_t port, const std::string& repository, const std::string& tag, const test_image& image) {
  http_client client(port);
  push_image(client, repository, tag, image);
}

void push(std::uint16_t port, const std::string& repository, const std::string& tag, const test_index& index) {
  http_client client(port);
  for (const test_image& image : index.images) push_image(client, repository, image.manifest.digest, image);
  push_manifest(client, repository, tag, index.index);
}

}  // namespace gantry::test
