#pragma once

#include "model/digester.hpp"

#include "support/tar_builder.hpp"

#include <string>
#include <vector>

namespace gantry::archive::fixture {

/// What docker save wrote before version 25: a config, and each layer uncompressed in a directory of its own with docker's v1 metadata. The
/// second layer is a link to the first, as for layers that an image has twice.
struct old_docker_archive {
  std::string layer = gantry::test::tar_builder().add("etc/motd", "hello\n").finish();
  std::string layer_digest = model::digest_of(layer).string();
  std::string config = R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" + layer_digest +
                       "\",\"" + layer_digest + R"("]}})";
  std::string config_hex = std::string(model::digest_of(config).encoded());
  std::string manifest =
      R"([{"Config":")" + config_hex + R"(.json","RepoTags":["app:1","example.com/app:2"],"Layers":["aaaa/layer.tar","bbbb/layer.tar"]}])";

  /// Everything but the end.
  gantry::test::tar_builder members() const {
    gantry::test::tar_builder tar;
    tar.directory("aaaa/").add("aaaa/VERSION", "1.0").add("aaaa/json", "{}").add("aaaa/layer.tar", layer);
    tar.directory("bbbb/").add("bbbb/VERSION", "1.0").add("bbbb/json", "{}").symlink("bbbb/layer.tar", "../aaaa/layer.tar");
    tar.add(config_hex + ".json", config).add("manifest.json", manifest).add("repositories", "{}");
    return tar;
  }
};

}  // namespace gantry::archive::fixture
