// What a server with an upstream answers when that is gone.
#include "faults/pulling_server.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

TEST_CASE("without the upstream the store answers") {
  const test_image image = large_image();
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", "1.0", image);
  const puller place(*registry);
  pulling_server server(*registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
  CHECK(client.get("/v2/team/app/blobs/" + image.config.digest).complete);
  CHECK(soon_recorded(client));
  registry.reset();
  CHECK((client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes));
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  CHECK(client.get("/v2/team/other/manifests/1.0").status == 502);
}

TEST_CASE("what came through an index inside an index, and with inline data, is answered without the upstream by the next server too") {
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
  const auto index_of = [&index_type](const std::string& entry) {
    return test_blob::of(index_type, R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[{)" + entry + "}]}");
  };
  const test_image image = build_image({});
  const test_index innermost = build_index(media_family::oci, {image});
  const test_blob nested = index_of(innermost.index.descriptor_members());
  // "{}" in base64; the registry does not have the blob.
  const std::string empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}").descriptor_members() + R"(,"data":"e30=")";
  const test_blob artifact = test_blob::of(manifest_type, R"({"schemaVersion":2,"mediaType":")" + manifest_type +
                                                              R"(","artifactType":"application/vnd.example.note","config":{)" + empty +
                                                              R"(},"layers":[{)" + empty + "}]}");
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", innermost.index.digest, innermost);
  registry->hold_manifest("team/app", "1.0", nested);
  registry->hold_manifest("team/note", "1.0", artifact);
  const std::string upstream = registry->host();
  const puller place(*registry);
  const auto listed = [](http_client& client, const std::string& name) {
    return soon([&] { return client.get("/v2/" + name + "/tags/list").body.find("\"1.0\"") != std::string::npos; });
  };
  {
    pulling_server server(upstream, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK(client.get("/v2/team/app/manifests/" + innermost.index.digest).status == 200);
    CHECK(client.get("/v2/team/app/manifests/" + image.manifest.digest).status == 200);
    CHECK(client.get("/v2/team/app/blobs/" + image.config.digest).complete);
    for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
    CHECK(client.get("/v2/team/note/manifests/1.0").status == 200);
    CHECK(listed(client, "team/app"));
    CHECK(listed(client, "team/note"));
  }
  registry.reset();
  pulling_server server(upstream, place);
  http_client client(server.port());
  CHECK((client.get("/v2/team/app/manifests/1.0").body == nested.bytes));
  CHECK((client.get("/v2/team/app/manifests/" + innermost.index.digest).body == innermost.index.bytes));
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  CHECK((client.get("/v2/team/note/manifests/1.0").body == artifact.bytes));
  const std::string all = client.get("/v2/_catalog").body;
  CHECK_THAT(all, Catch::Contains("team/app") && Catch::Contains("team/note"));
}

TEST_CASE("what refers to an image is listed as upstream and store know it together, and by the store alone without the upstream") {
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
  const test_image image = build_image({});
  const auto referrer = [&](const std::string& type) {
    const std::string empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}").descriptor_members() + R"(,"data":"e30=")";
    return test_blob::of(manifest_type, R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","artifactType":")" + type +
                                            R"(","config":{)" + empty + R"(},"layers":[{)" + empty + R"(}],"subject":{)" +
                                            image.manifest.descriptor_members() + "}}");
  };
  const test_blob held = referrer("application/vnd.example.signature");
  const test_blob above = referrer("application/vnd.example.sbom");
  const auto entry = [](const test_blob& of, const std::string& type) {
    return "{" + of.descriptor_members() + R"(,"artifactType":")" + type + R"("})";
  };
  const auto list_of = [&](const std::string& entries) {
    return test_blob::of(index_type, R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[)" + entries + "]}");
  };
  const std::string of_above = entry(above, "application/vnd.example.sbom");
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", "1.0", image);
  registry->hold_manifest("team/app", "signed", held);
  registry->hold_manifest("team/app", above.digest, above);
  const puller place(*registry);
  pulling_server server(*registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/signed").status == 200);
  CHECK(soon([&] { return client.get("/v2/team/app/tags/list").body.find("\"signed\"") != std::string::npos; }));

  const std::string path = "/v2/team/app/referrers/" + image.manifest.digest;
  const auto listed = [&](const std::string& more = {}) {
    const http_reply reply = client.get(path + more);
    CHECK(reply.status == 200);
    std::string names;
    if (reply.body.find(held.digest) != std::string::npos) names += "held ";
    if (reply.body.find(above.digest) != std::string::npos) names += "above ";
    return names;
  };
  // The registry has neither the API nor the tag in its place.
  CHECK(listed() == "held ");
  std::string tag = image.manifest.digest;
  tag.replace(tag.find(':'), 1, "-");
  registry->hold_manifest("team/app", tag, list_of(of_above));
  CHECK(listed() == "held above ");
  const std::string both = list_of(of_above + "," + entry(held, "application/vnd.example.signature")).bytes;
  registry->inject("/referrers/", answer_with(200, {{"Content-Type", index_type}}, both), 1, 0);
  CHECK(listed() == "held above ");
  CHECK(client.get(path).body.find(held.digest) == client.get(path).body.rfind(held.digest));
  CHECK(listed("?artifactType=application/vnd.example.sbom") == "above ");
  // What is listed can be had.
  CHECK((client.get("/v2/team/app/manifests/" + above.digest).body == above.bytes));
  // Of a repository that the store does not have the upstream knows.
  CHECK(client.get("/v2/team/other/referrers/" + image.manifest.digest).body.find(above.digest) != std::string::npos);
  registry.reset();
  // What was got by its digest is kept.
  CHECK(listed() == "held above ");
  CHECK(client.get("/v2/team/other/referrers/" + image.manifest.digest).status == 502);
}

TEST_CASE("what was pulled by digest, or in part because the client had the rest, is kept and answered by the next server") {
  auto registry = std::make_unique<fake_registry>();
  const std::string upstream = registry->host();
  image_recipe recipe;
  recipe.layers = {3000, 50'000};
  const test_image pinned = build_image(recipe);
  recipe.seed = 9;
  const test_image partly = build_image(recipe);
  recipe.seed = 10;
  const test_image looked_at = build_image(recipe);
  registry->hold("team/pinned", "1.0", pinned);
  registry->hold("team/partly", "1.0", partly);
  registry->hold("team/looked", "1.0", looked_at);
  const puller place(*registry);
  const auto take_part = [&](http_client& client) {
    CHECK((client.get("/v2/team/partly/manifests/1.0").body == partly.manifest.bytes));
    CHECK((client.get("/v2/team/partly/blobs/" + partly.config.digest).body == partly.config.bytes));
    CHECK((client.get("/v2/team/partly/blobs/" + partly.layers[1].digest).body == partly.layers[1].bytes));
  };
  {
    pulling_server server(upstream, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/looked/manifests/1.0").status == 200);
    pull_all(client, "team/pinned", pinned.manifest.digest, pinned);
    take_part(client);
    const auto named = [&](const std::string& name) {
      return soon([&] { return client.get("/v2/_catalog").body.find(name) != std::string::npos; });
    };
    CHECK(named("team/pinned"));
    CHECK(named("team/partly"));
    // Who only looks does not pull.
    CHECK(client.get("/v2/_catalog").body.find("team/looked") == std::string::npos);
  }
  registry.reset();
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "blobs")) {
    if (one.is_regular_file()) std::filesystem::last_write_time(one.path(), std::filesystem::file_time_type::clock::now() - 48h);
  }
  const clean_result gone = clean(place, {});
  // The manifest that was looked at.
  CHECK(gone.blobs.size() == 1);
  pulling_server server(upstream, place);
  http_client client(server.port());
  pull_all(client, "team/pinned", pinned.manifest.digest, pinned);
  take_part(client);
  CHECK(client.get("/v2/team/partly/blobs/" + partly.layers[0].digest).status == 502);
}

TEST_CASE("what another process pulls under a name that clients have not taken whole is what the name means from then on") {
  const auto both = [](std::uint32_t seed) {
    std::vector<test_image> platforms;
    for (const char* architecture : {"amd64", "arm64"}) {
      image_recipe recipe;
      recipe.architecture = architecture;
      recipe.seed = seed++;
      platforms.push_back(build_image(recipe));
    }
    return build_index(media_family::oci, std::move(platforms));
  };
  const test_index first = both(20);
  const test_index second = both(30);
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", "1.0", first);
  puller place(*registry);
  pulling_server server(*registry, place);
  http_client client(server.port());
  CHECK((client.get("/v2/team/app/manifests/1.0").body == first.index.bytes));
  pull_all(client, "team/app", first.images[0].manifest.digest, first.images[0]);
  REQUIRE(soon([&] {
    const std::filesystem::path record = record_of(place, "team/app", "1.0");
    return !record.empty() && slurp(record).find("\"manifests\":[{") != std::string::npos;
  }));

  registry->hold("team/app", "1.0", second);
  const pull_report pulled = place.pull();
  REQUIRE_FALSE(pulled.ec);
  // A client goes on with the other platform of what the name was, and that is no reason to record it again.
  pull_all(client, "team/app", first.images[1].manifest.digest, first.images[1]);
  registry.reset();
  CHECK((client.get("/v2/team/app/manifests/1.0").body == second.index.bytes));
  server.stop();
  CHECK_THAT(slurp(record_of(place, "team/app", "1.0")), Catch::Contains(second.index.digest) && !Catch::Contains(first.index.digest));
}
