#include "model/media_type.hpp"

#include "support/catch.hpp"

namespace gantry::model {

TEST_CASE("documents, configurations and layers are told apart by their media type") {
  CHECK(is_index(media_type::oci_index));
  CHECK(is_index(media_type::docker_list));
  CHECK_FALSE(is_index(media_type::oci_manifest));
  CHECK(is_manifest(media_type::docker_manifest));
  CHECK(is_schema1(media_type::docker_schema1_signed));
  CHECK(is_image_config(media_type::docker_config));
  CHECK_FALSE(is_image_config(media_type::oci_empty));
  CHECK(is_image_layer(media_type::oci_foreign_layer_zstd));
  CHECK(is_foreign_layer(media_type::docker_foreign_layer_gzip));
  CHECK_FALSE(is_foreign_layer(media_type::docker_layer_gzip));
}

TEST_CASE("the compression of a layer is read from its media type") {
  CHECK(compression_of(media_type::oci_layer) == compression::none);
  CHECK(compression_of(media_type::docker_layer) == compression::none);
  CHECK(compression_of(media_type::docker_layer_gzip) == compression::gzip);
  CHECK(compression_of(media_type::oci_foreign_layer_gzip) == compression::gzip);
  CHECK(compression_of(media_type::oci_layer_zstd) == compression::zstd);
  CHECK(compression_of("application/vnd.example+gzip") == compression::unknown);
}

TEST_CASE("parameters, blanks and letter case of a Content-Type do not matter") {
  CHECK(bare_media_type(" Application/JSON ; charset=utf-8") == "application/json");
  CHECK(bare_media_type("") == "");
}

TEST_CASE("a media type has a type and a subtype of RFC 6838") {
  CHECK(is_media_type("application/vnd.oci.image.layer.v1.tar+gzip"));
  CHECK(is_media_type(std::string(127, 'a') + "/" + std::string(127, '1')));
  for (const std::string& bad : {std::string(), std::string("a"), std::string("a/"), std::string("/b"), std::string("a/b/c"),
                                 std::string("a/.b"), std::string("a/b c"), std::string(128, 'a') + "/b"}) {
    INFO(bad);
    CHECK_FALSE(is_media_type(bad));
  }
}

TEST_CASE("the Accept header asks for indexes and manifests of both families") {
  for (const std::string_view type :
       {media_type::oci_index, media_type::docker_list, media_type::oci_manifest, media_type::docker_manifest}) {
    CHECK(manifest_accept().find(type) != std::string_view::npos);
  }
  CHECK(manifest_accept().find("v1+prettyjws") == std::string_view::npos);
}

}  // namespace gantry::model
