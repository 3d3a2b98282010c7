#include "serve/handler.hpp"

#include "base/base64.hpp"
#include "http/message.hpp"
#include "http/origin_policy.hpp"
#include "http/redirect.hpp"
#include "http/warning.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/process.hpp"
#include "support/sha256.hpp"
#include "support/vectors.hpp"
#include "unit/serve/running_server.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace gantry::test;
namespace json = boost::json;

namespace {

/// A repository with an index of which one platform is held, several tags, an artifact that refers to the image, and a large manifest.
struct shop {
  shop() {
    std::vector<test_image> images;
    for (const char* architecture : {"amd64", "arm64"}) {
      image_recipe recipe;
      recipe.architecture = architecture;
      recipe.seed = architecture[1];
      images.push_back(build_image(recipe));
    }
    index = build_index(media_family::oci, std::move(images));
    content.put(index.index);
    content.put(index.images.front());
    const auto held = filled_store::descriptor_of(index.images.front().manifest);
    for (const char* tag : {"1.0", "1.1", "latest"}) content.name(std::string("docker.io/team/app:") + tag, index.index, {held});

    const test_blob& subject = index.images.front().manifest;
    referrer = test_blob::of(
        "application/vnd.oci.image.manifest.v1+json",
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-signature",)"
        R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
            sha256_of("{}") +
            R"(","size":2},"layers":[],)"
            R"("subject":{)" +
            subject.descriptor_members() + R"(},"annotations":{"who":"me"}})");
    content.put(referrer);
    content.put(test_blob::of("application/vnd.oci.empty.v1+json", "{}"));
    content.name("docker.io/team/app:sig", referrer, {filled_store::descriptor_of(referrer)});

    large = test_blob::of(
        "application/vnd.oci.image.manifest.v1+json",
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
            sha256_of("{}") + R"(","size":2},"layers":[],"annotations":{"a":")" + std::string(4 * 1024 * 1024, 'x') + R"("}})");
    content.put(large);
    content.name("docker.io/team/app:large", large, {filled_store::descriptor_of(large)});
  }
  filled_store content;
  test_index index;
  test_blob referrer;
  test_blob large;
};

/// An upstream that always answers with one failure.
class failing_upstream final : public gantry::serve::upstream {
 public:
  explicit failing_upstream(gantry::failure why) : why_(std::move(why)) {}
  const std::string& registry() const noexcept override { return registry_; }
  gantry::runtime::task<gantry::result<gantry::serve::upstream_manifest>> manifest(gantry::reference,
                                                                                   gantry::runtime::stop_source&) override {
    co_return why_;
  }
  gantry::runtime::task<bool> note_held(gantry::reference image, gantry::descriptor, gantry::runtime::stop_source&) override {
    noted.push_back(image.string());
    co_return why_.code != gantry::errc::not_found;
  }
  void note_taken(const gantry::reference&, const gantry::digest&) override {}
  gantry::runtime::task<gantry::result<std::uint64_t>> blob_size(gantry::reference, gantry::digest,
                                                                 gantry::runtime::stop_source&) override {
    co_return why_;
  }
  gantry::runtime::task<gantry::result<std::vector<gantry::descriptor>>> referrers(gantry::reference, gantry::digest,
                                                                                   gantry::runtime::stop_source&) override {
    co_return why_;
  }
  gantry::runtime::task<gantry::result<std::shared_ptr<gantry::serve::blob_feed>>> blob(gantry::reference, gantry::digest,
                                                                                        gantry::runtime::stop_source&) override {
    co_return why_;
  }

  std::vector<std::string> noted;

 private:
  std::string registry_ = "docker.io";
  gantry::failure why_;
};

std::string replaced(std::string text, const std::string& part, const std::string& with) {
  if (const std::size_t at = text.find(part); at != std::string::npos) text.replace(at, part.size(), with);
  return text;
}

const std::string missing = "sha256:" + std::string(64, '0');

}  // namespace

TEST_CASE("vectors: registry_server_rules", "[vectors]") {
  shop shop;
  running_server server(shop.content);
  const auto check_request = [&](const vector_row& row, std::string request) {
    request = replaced(std::move(request), " on a registry with deletion disabled", "");
    request = replaced(std::move(request), "<existing tag>", "1.0");
    request = replaced(std::move(request), "<existing>", "1.0");
    request = replaced(std::move(request), "<missing digest>", missing);
    request = replaced(std::move(request), "<tag-or-digest>", "1.0");
    request = replaced(std::move(request), "blobs/<missing>", "blobs/" + missing);
    request = replaced(std::move(request), "blobs/<digest>", "blobs/" + shop.index.images.front().config.digest);
    request = replaced(std::move(request), "<missing repo>", "team/missing");
    request = replaced(std::move(request), "<name>", "team/app");
    request = replaced(std::move(request), "<k>", "2");
    const std::size_t blank = request.find(' ');
    const std::string method = request.substr(0, blank);
    const http_reply reply = http_client(server.port()).send(method, request.substr(blank + 1), {}, "");
    CAPTURE(request, reply.status, reply.raw_head);
    const json::value& status = row.expected.at("status");
    if (status.is_array()) {
      bool allowed = false;
      for (const auto& one : status.as_array()) allowed = allowed || one.as_int64() == reply.status;
      CHECK(allowed);
    } else {
      CHECK(reply.status == status.as_int64());
    }
    if (const auto* headers = row.expected.as_object().if_contains("headers")) {
      for (const auto& header : headers->as_array()) {
        const std::string name(header.as_string());
        CHECK_FALSE(reply.header(name.substr(0, name.find(' '))).empty());
      }
    }
    if (row.out("body") == "exact stored bytes") {
      CHECK(reply.body == shop.index.index.bytes);
      CHECK(reply.header("Content-Type") == shop.index.index.media_type);
      CHECK(reply.header("Docker-Content-Digest") == shop.index.index.digest);
    }
    if (row.out("body") == "none") CHECK(reply.body.empty());
    if (const auto* expected = row.expected.as_object().if_contains("json")) {
      const json::value document = json::parse(reply.body);
      if (expected->is_string()) {  // "<k> tags, or fewer plus Link"
        CHECK(document.at("tags").as_array().size() == 2);
        CHECK(reply.header("Link") == "</v2/team/app/tags/list?last=1.1&n=2>; rel=\"next\"");
      } else if (expected->at("tags").is_array()) {
        CHECK(document.at("tags").as_array().empty());
      } else {
        CHECK(document.at("name") == "team/app");
        std::vector<std::string> tags;
        for (const auto& tag : document.at("tags").as_array()) tags.emplace_back(tag.as_string());
        CHECK(tags == std::vector<std::string>{"1.0", "1.1", "large", "latest", "sig"});
      }
    }
    if (const std::string absent = row.out("no_header"); !absent.empty()) CHECK(reply.header(absent).empty());
  };
  for_each_row("registry_server_rules", [&](const vector_row& row) {
    const std::string input(row.input.as_string());
    if (input.starts_with("GET ") || input.starts_with("HEAD ") || input.starts_with("DELETE ")) {
      check_request(row, input);
    } else if (input == "any 4xx JSON error body") {
      for (const char* target : {"/v2/team/missing/tags/list", "/nowhere", "/v2/team/app/referrers/x", "/v2/_catalog?n=x"}) {
        const http_reply reply = http_client(server.port()).get(target);
        const json::value document = json::parse(reply.body);
        const std::string code(document.at("errors").at(0).at("code").as_string());
        CHECK(code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos);
      }
    } else if (input == "429") {
      failing_upstream above(gantry::failure(gantry::errc::rate_limited, "too many"));
      running_server limited(shop.content, {}, &above);
      const http_reply reply = http_client(limited.port()).get("/v2/team/other/manifests/1.0");
      CHECK(reply.status == 429);
      CHECK_FALSE(reply.header("Retry-After").empty());
    } else if (input == "manifest of 4 MiB") {
      CHECK(http_client(server.port()).get("/v2/team/app/manifests/large").body == shop.large.bytes);
    } else if (input == "manifest whose mediaType field differs from the Content-Type header") {
      const auto read = gantry::model::parse_document(shop.referrer.bytes, gantry::model::media_type::oci_index);
      CHECK_FALSE(read.has_value());
    } else if (input == "manifest Content-Type with parameters, e.g. ;charset=utf-8") {
      CHECK(gantry::model::parse_document(shop.referrer.bytes, shop.referrer.media_type + "; charset=utf-8").has_value());
    } else if (input == "client follows a redirect to another host") {
      gantry::http::request asked;
      asked.target = must(gantry::http::url::parse("https://registry.example/v2/a/blobs/x"));
      asked.set("Authorization", "Bearer x");
      gantry::http::response_head answer;
      answer.status = 307;
      answer.headers = {{"Location", "https://storage.example/x"}};
      const auto next = must(gantry::http::follow_redirect(asked, answer, gantry::http::url_channel::redirect, 0));
      CHECK(next.find("Authorization") == nullptr);
    } else if (input == "Warning headers") {
      // What this server has to say stands in its own log; what others send is read by tests/unit/http/warning_test.cpp.
      CHECK(http_client(server.port()).get("/v2/").header("Warning").empty());
    } else {
      FAIL_CHECK("a row that nothing tests: " + input);
    }
  });
}

TEST_CASE("an index held in part answers its bytes, and its missing children are not found") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").body == shop.index.index.bytes);
  const std::string held = shop.index.images[0].manifest.digest;
  const std::string absent = shop.index.images[1].manifest.digest;
  CHECK(client.get("/v2/team/app/manifests/" + held).body == shop.index.images[0].manifest.bytes);
  CHECK(client.get("/v2/team/app/manifests/" + held).header("Content-Type") == shop.index.images[0].manifest.media_type);
  CHECK(client.get("/v2/team/app/manifests/" + absent).status == 404);

  loop loop;
  gantry::runtime::lanes lanes;
  gantry::serve::library content(lanes, shop.content.store);
  const auto notes = loop.run(content.incomplete());
  REQUIRE(notes.size() == 3);
  CHECK(notes.front().find("team/app:1.0") != std::string::npos);
  CHECK(notes.front().find("1 of the 2") != std::string::npos);
}

TEST_CASE("a manifest is told from other blobs, and damaged bytes are never served") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  const test_image& image = shop.index.images.front();
  CHECK(client.get("/v2/team/app/manifests/" + image.config.digest).status == 404);
  CHECK(client.get("/v2/team/app/manifests/" + image.layers.front().digest).status == 404);
  CHECK(client.get("/v2/team/app/blobs/" + image.manifest.digest).body == image.manifest.bytes);
  const auto file = gantry::store::paths{shop.content.store->root()}.blob(filled_store::descriptor_of(image.manifest).digest);
  std::filesystem::remove(file);
  spill(file, std::string(image.manifest.bytes.size(), ' '));
  CHECK(server.troubles().empty());
  const http_reply damaged = client.get("/v2/team/app/manifests/" + image.manifest.digest);
  CHECK(damaged.status == 500);
  CHECK(json::parse(damaged.body).at("errors").at(0).at("code") == "UNKNOWN");
  REQUIRE(server.troubles().size() == 1);
  CHECK(server.troubles().front().find(image.manifest.digest.substr(7)) != std::string::npos);
  CHECK(server.troubles().front().find("gantry verify --repair") != std::string::npos);
}

TEST_CASE("a store that is gone is no empty store") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  std::filesystem::rename(shop.content.store->root(), shop.content.directory / "away");
  for (const char* target : {"/v2/team/app/manifests/1.0", "/v2/team/app/tags/list", "/v2/_catalog"}) {
    const http_reply reply = client.get(target);
    CHECK(reply.status == 500);
    CHECK(json::parse(reply.body).at("errors").at(0).at("code") == "UNKNOWN");
  }
  REQUIRE_FALSE(server.troubles().empty());
  CHECK(server.troubles().front().find("is not there any more") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(shop.content.store->root()));
  std::filesystem::rename(shop.content.directory / "away", shop.content.store->root());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
}

TEST_CASE("names that come while the server runs are seen") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  CHECK(client.get("/v2/later/app/manifests/1.0").status == 404);
  shop.content.name("ghcr.io/later/app:1.0", shop.referrer, {filled_store::descriptor_of(shop.referrer)});
  CHECK(client.get("/v2/later/app/manifests/1.0").status == 200);
  CHECK(client.get("/v2/later/app/manifests/1.0?ns=ghcr.io").status == 200);
  CHECK(client.get("/v2/later/app/manifests/1.0?ns=quay.io").status == 404);
  CHECK(client.get("/v2/ghcr.io/later/app/manifests/1.0").status == 200);
  shop.content.name("quay.io/later/app:1.0", shop.referrer, {filled_store::descriptor_of(shop.referrer)});
  const http_reply ambiguous = client.get("/v2/later/app/manifests/1.0");
  CHECK(ambiguous.status == 404);
  CHECK(ambiguous.body.find("ghcr.io/later/app, quay.io/later/app") != std::string::npos);
}

TEST_CASE("referrers are listed by subject and filtered by type") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  const std::string target = "/v2/team/app/referrers/" + shop.index.images.front().manifest.digest;
  const http_reply all = client.get(target);
  CHECK(all.status == 200);
  CHECK(all.header("Content-Type") == gantry::model::media_type::oci_index);
  const json::value list = json::parse(all.body);
  REQUIRE(list.at("manifests").as_array().size() == 1);
  const json::value& entry = list.at("manifests").at(0);
  CHECK(entry.at("digest").as_string() == shop.referrer.digest);
  CHECK(entry.at("artifactType") == "application/x-signature");
  CHECK(entry.at("annotations").at("who") == "me");
  const http_reply other = client.get(target + "?artifactType=application/other");
  CHECK(json::parse(other.body).at("manifests").as_array().empty());
  CHECK(other.header("OCI-Filters-Applied") == "artifactType");
  CHECK(json::parse(client.get("/v2/team/app/referrers/" + missing).body).at("manifests").as_array().empty());
}

TEST_CASE("pages lead from one to the next until everything was listed") {
  shop shop;
  for (const char* name : {"ghcr.io/a/x:1", "ghcr.io/a/y:1", "quay.io/z:1"}) {
    shop.content.name(name, shop.referrer, {filled_store::descriptor_of(shop.referrer)});
  }
  running_server server(shop.content);
  http_client client(server.port());
  std::vector<std::string> names;
  std::string target = "/v2/_catalog?n=1";
  for (int pages = 0; !target.empty() && pages < 10; ++pages) {
    const http_reply reply = client.get(target);
    const json::value list = json::parse(reply.body);
    for (const auto& name : list.at("repositories").as_array()) names.emplace_back(name.as_string());
    const std::string link = reply.header("Link");
    target = link.empty() ? std::string() : link.substr(1, link.find('>') - 1);
  }
  CHECK(names == std::vector<std::string>{"docker.io/team/app", "ghcr.io/a/x", "ghcr.io/a/y", "quay.io/z"});
}

TEST_CASE("with users, every path asks for a password and every failure looks the same") {
  shop shop;
  const std::string hashed = run_or_throw({{"htpasswd", "-nbBC", "4", "alice", "secret"}});
  running_server server(shop.content, {}, nullptr, must(gantry::serve::htpasswd::parse(hashed, "users")));
  http_client client(server.port());
  const auto with = [](const std::string& pair) { return header_list{{"Authorization", "Basic " + gantry::base64_encode(pair)}}; };
  std::set<std::string> bodies;
  for (const auto& headers :
       {header_list{}, with("alice:wrong"), with("bob:secret"), with("alice:"), header_list{{"Authorization", "Bearer x"}}}) {
    const http_reply reply = client.get("/v2/team/app/manifests/1.0", headers);
    CHECK(reply.status == 401);
    CHECK(reply.header("WWW-Authenticate").starts_with("Basic realm="));
    bodies.insert(reply.body);
  }
  CHECK(bodies.size() == 1);
  CHECK(client.send("DELETE", "/v2/team/app/manifests/1.0", {}, "").status == 401);
  CHECK(client.get("/v2/").status == 401);
  CHECK(client.get("/v2/team/app/manifests/1.0", with("alice:secret")).status == 200);
  server.stop();
  CHECK(server.log().back().user == "alice");
}

TEST_CASE("the clients are not told what is wrong with the store or the upstream's account") {
  shop shop;
  failing_upstream above(gantry::failure(gantry::errc::storage_error, "cannot write /secret/path"));
  running_server server(shop.content, {}, &above);
  const http_reply reply = http_client(server.port()).get("/v2/team/other/manifests/1.0");
  CHECK(reply.status == 500);
  CHECK(reply.body.find("/secret") == std::string::npos);
  CHECK(server.troubles() == std::vector<std::string>{"cannot write /secret/path"});
  failing_upstream full(gantry::failure(gantry::errc::no_space, "the store /secret/path has no space"));
  running_server behind(shop.content, {}, &full);
  for (const std::string& path : {std::string("manifests/1.0"), "blobs/" + missing}) {
    const http_reply refused = http_client(behind.port()).get("/v2/team/other/" + path);
    CHECK(refused.status == 503);
    CHECK_THAT(refused.body, Catch::Contains("cannot keep"));
    CHECK(refused.body.find("/secret") == std::string::npos);
  }
  // The upstream tells that itself.
  CHECK(behind.troubles().empty());
  for (const gantry::errc code : {gantry::errc::connection_refused, gantry::errc::unauthorized, gantry::errc::digest_mismatch}) {
    failing_upstream refusing(gantry::failure(code, "10.0.0.7 did not take user bob; is the port right?"));
    running_server beside(shop.content, {}, &refusing);
    const http_reply answer = http_client(beside.port()).get("/v2/team/other/manifests/1.0");
    CHECK(answer.status == 502);
    CHECK(answer.body.find("the store does not have it, and ") != std::string::npos);
    CHECK(answer.body.find("bob") == std::string::npos);
    CHECK(answer.body.find("10.0.0.7") == std::string::npos);
    CHECK(answer.body.find("port") == std::string::npos);
  }
}

TEST_CASE("a server that does not stop does not say so when a fetch was given up") {
  shop shop;
  failing_upstream above(gantry::failure(gantry::errc::cancelled, "stopped"));
  running_server server(shop.content, {}, &above);
  for (const std::string& path : {std::string("manifests/1.0"), "blobs/" + missing}) {
    const http_reply reply = http_client(server.port()).get("/v2/team/other/" + path);
    CHECK(reply.status == 502);
    CHECK(reply.body.find("stopping") == std::string::npos);
  }
}

TEST_CASE("a name that clients ask for, by tag or by digest, was pulled just now") {
  shop shop;
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000);
  const auto record = [&](const char* tag) { return shop.content.directory / "store/refs/docker.io/team/app/_" / tag; };
  const auto used = [&](const char* tag) { return std::filesystem::last_write_time(record(tag)) > long_ago + std::chrono::hours(500); };
  for (const char* tag : {"1.0", "1.1", "latest", "sig", "large"}) std::filesystem::last_write_time(record(tag), long_ago);
  running_server server(shop.content);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/gone").status == 404);
  CHECK(client.get("/v2/team/app/tags/list").status == 200);
  for (const char* tag : {"1.0", "1.1", "latest", "sig", "large"}) CHECK_FALSE(used(tag));
  CHECK(client.head("/v2/team/app/manifests/sig").status == 200);
  CHECK(used("sig"));
  CHECK_FALSE(used("1.0"));
  // Of a platform's manifest, the names that lead to it.
  CHECK(client.get("/v2/team/app/manifests/" + shop.index.images.front().manifest.digest).status == 200);
  for (const char* tag : {"1.0", "1.1", "latest"}) CHECK(used(tag));
  CHECK_FALSE(used("large"));
}

TEST_CASE("the upstream hears of documents that were given out and have no name, and of no others") {
  shop shop;
  failing_upstream above(gantry::failure(gantry::errc::connection_refused, "nobody listens"));
  running_server server(shop.content, {}, &above);
  http_client client(server.port());
  const std::string named = shop.index.images.front().manifest.digest;
  CHECK(client.get("/v2/team/app/manifests/" + named).status == 200);
  CHECK(client.get("/v2/team/app/manifests/" + missing).status == 502);
  CHECK(client.get("/v2/team/other/manifests/" + named).status == 200);
  server.stop();
  CHECK(above.noted == std::vector<std::string>{"docker.io/team/other@" + named});
}

TEST_CASE("what the store has of elsewhere is not there in a repository that nobody has, if the upstream says so") {
  shop shop;
  failing_upstream above(gantry::failure(gantry::errc::not_found, "no such manifest"));
  running_server server(shop.content, {}, &above);
  http_client client(server.port());
  const std::string named = shop.index.images.front().manifest.digest;
  CHECK(client.get("/v2/team/other/manifests/" + named).status == 404);
  CHECK(client.head("/v2/team/other/manifests/" + named).status == 404);
  CHECK(client.get("/v2/team/app/manifests/" + named).status == 200);
}
