#pragma once

#include "support/layer_builder.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gantry::test {

enum class media_family {
  oci,     ///< application/vnd.oci.image.*
  docker,  ///< application/vnd.docker.distribution.*, version 2 schema 2
};

/// Some content with its names.
struct test_blob {
  std::string media_type;
  std::string digest;
  std::string bytes;

  static test_blob of(std::string media_type, std::string bytes);
  /// The same, named by sha512.
  static test_blob of_sha512(std::string media_type, std::string bytes);
  /// Where it lies below the directory of a layout or a store: `blobs/<algorithm>/<hex>`.
  std::filesystem::path path() const;
  /// The members of a descriptor, without braces, so that a test can add to them.
  std::string descriptor_members() const;
};

/// A manifest with all it points at, in memory.
struct test_image {
  test_blob manifest;
  test_blob config;
  std::vector<test_blob> layers;
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant{};

  /// Bytes of config and layers.
  std::uint64_t blob_bytes() const;
};

/// An index with its images.
struct test_index {
  test_blob index;
  std::vector<test_image> images;
};

/// What to make. The same recipe gives the same bytes.
struct image_recipe {
  media_family family = media_family::oci;
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant{};
  std::vector<std::size_t> layers{3000, 200'000};  ///< sizes in bytes, nearly exact
  std::uint32_t seed = 1;
};

test_image build_image(const image_recipe& recipe);

/// The same out of finished layers; the bytes of \p layers are moved.
test_image build_image(const image_recipe& recipe, std::vector<layer_bytes> layers);

/// Puts \p with in place of a layer, and of its duplicates; the configuration, which names what layers inflate to, stays.
/// \param more members of the descriptor after the usual ones, each with a comma before it
void replace_layer(test_image& image, std::size_t which, const test_blob& with, const std::string& more = {});

/// A manifest that is no container image: its config is the empty JSON blob of the image-spec.
test_image build_artifact();

/// \param attestation adds an `unknown/unknown` manifest that describes the first image, as buildkit does
test_index build_index(media_family family, std::vector<test_image> images, bool attestation = false);

/// Writes an OCI image layout that holds \p image under the name \p tag.
void write_layout(const std::filesystem::path& directory, const std::string& tag, const test_image& image);

/// Uploads to a registry on 127.0.0.1 that speaks plain http and asks for no credentials. \throws std::runtime_error with its answer.
void push(std::uint16_t port, const std::string& repository, const std::string& tag, const test_image& image);
void push(std::uint16_t port, const std::string& repository, const std::string& tag, const test_index& index);

}  // namespace gantry::test
