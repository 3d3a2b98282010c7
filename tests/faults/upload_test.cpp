// Uploads: what a registry does wrong while it takes blobs.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"

#include <gantry/credentials.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

/// Has a name and a password for whoever asks, and counts how often it is asked.
class one_user final : public credential_source {
 public:
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override {
    ++asked;
    credential one;
    one.username = "jane";
    one.password = "secret";
    one.origin = "the test";
    return one;
  }
  std::atomic<unsigned> asked = 0;
};

}  // namespace

TEST_CASE("an upload that is cut goes on where it stopped", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("GET session") == 1);
  CHECK(u.target.count("PATCH blob") == 1);
  CHECK(u.target.taken() == u.all_bytes());  // no byte was taken twice
}

TEST_CASE("answers that say not now are tried again", "[faults]") {
  const unsigned status = GENERATE(500U, 503U, 429U);
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, status, {}, 0}, 1, 2);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a session that is lost begins anew", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("GET session", {kind::forget, 404, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("POST session") == 4);
}

TEST_CASE("a registry that has another number of bytes than we think is asked", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("PATCH blob", {kind::answer, 416, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a registry without chunks gets the whole again when an upload was cut", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("PATCH blob", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a registry that takes nothing in one piece gets chunks", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, 413, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") >= 1);
}

TEST_CASE("a session that is given up is deleted, and nothing depends on that", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, 413, {}, 0});
  const unsigned status = GENERATE(0U, 401U, 405U, 503U);
  if (status != 0) u.target.fail("DELETE session", {kind::answer, status, {}, 0}, 1, 0);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("DELETE session") == 1);
}

TEST_CASE("chunks are as long as the registry wants them", "[faults]") {
  uploaded u;
  image_recipe recipe;
  recipe.layers = {300, 9'000'000};
  u.image = build_image(recipe);
  u.source.hold("team/app", "1.0", u.image);
  u.target.open_sessions_with("OCI-Chunk-Min-Length: 8388608\r\n");
  u.target.fail("PUT blob", {kind::answer, 413, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") == 2);
}

TEST_CASE("a registry that takes chunks slowly is waited for", "[faults]") {
  uploaded u;
  u.settings.timeouts.idle = std::chrono::minutes(2);
  u.settings.timeouts.header = std::chrono::minutes(2);
  u.target.fail("PUT blob", {kind::answer, 413, {}, 0});
  u.target.fail("PATCH blob", {kind::pause, 0, {}, 100'000, std::chrono::seconds(2)}, 1, 0);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("POST session") == 4);  // one for each blob, and one after the refusal
}

TEST_CASE("a session without a place, or in a place that may not be asked, ends the upload", "[faults]") {
  const std::string location = GENERATE("", "Location: http://192.168.7.7:5000/upload\r\n", "Location: ftp://127.0.0.1/upload\r\n");
  uploaded u;
  u.target.fail("POST session", {kind::location, 202, location, 0}, 1, 0);
  const error_code ec = u.copy();
  CHECK(ec);
  CHECK_FALSE(u.target.has_tag("copied/app", "1.0"));
  CHECK(u.target.taken() == 0);
}

TEST_CASE("a session at a host that is not there is given up soon, and who named it is said", "[faults]") {
  uploaded u;
  u.target.fail("POST session", {kind::location, 202, "Location: http://127.0.0.1:1/upload\r\n", 0}, 1, 0);
  CHECK(u.copy());
  INFO(u.text.message());
  CHECK(u.text.message().find(u.target.host() + " wants uploads to be sent to http://127.0.0.1:1") != std::string::npos);
  // Three attempts for each of the blobs that go at once.
  CHECK(u.target.count("POST session") <= 3 * (u.image.layers.size() + 1));
}

TEST_CASE("a manifest that is refused while somebody else writes it is offered once more", "[faults]") {
  uploaded u;
  u.target.fail("PUT manifest", {kind::answer, 400, {}, 0}, 1, 1);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a session on another host gets the bytes and no credentials, whatever it answers", "[faults]") {
  std::mutex mutex;
  std::string heads;
  scripted_server other({[&](socket_handle& connection) {
    const std::string head = receive_head(connection);
    {
      const std::scoped_lock lock(mutex);
      heads += head;
    }
    connection.send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
    await_end(connection);
  }});
  uploaded u;
  const auto known = std::make_shared<one_user>();
  u.settings.credentials = known;
  const std::string place = "Location: http://127.0.0.1:" + std::to_string(other.port()) + "/upload/1\r\n";
  u.target.fail("POST session", {kind::answer, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", 0}, 1, 1);
  u.target.fail("POST session", {kind::location, 202, place, 0}, 2, 0);
  CHECK(u.copy());
  INFO(u.text.message());
  CHECK(known->asked != 0);
  CHECK(u.target.count("POST session") >= 2);  // the second with them
  const std::scoped_lock lock(mutex);
  CHECK(heads.find("PUT /upload/1") != std::string::npos);
  CHECK(heads.find("uthorization") == std::string::npos);
}

TEST_CASE("a registry that refuses mounts gets the bytes", "[faults]") {
  uploaded u;
  u.target.hold("first/app", "1.0", u.image);
  u.target.fail("POST mount", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK_FALSE(u.copy(u.target.host() + "/first/app:1.0", u.target.host() + "/copied/app:1.0"));
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.result.blobs_mounted == 0);
  CHECK(u.result.blobs_uploaded == 3);
  CHECK(u.target.count("POST mount") == 3);
}

TEST_CASE("a manifest that is refused for a moment is written again", "[faults]") {
  uploaded u;
  u.target.fail("PUT manifest", {kind::answer, 503, {}, 0});
  CHECK_FALSE(u.copy());
  CHECK(u.complete());
}

TEST_CASE("what an index names and is no manifest goes as a blob", "[faults]") {
  uploaded u;
  const test_blob cache = test_blob::of("application/vnd.test.cacheconfig.v0", "{\"layers\":[]}");
  u.source.hold_blob(cache);
  const test_blob index = test_blob::of("application/vnd.oci.image.index.v1+json",
                                        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{)" +
                                            u.image.manifest.descriptor_members() + "},{" + cache.descriptor_members() + "}]}");
  u.source.hold_manifest("team/app", "cache", index);
  CHECK_FALSE(u.copy(u.source.host() + "/team/app:cache", u.target.host() + "/copied/app:1.0"));
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.blob(cache.digest) == cache.bytes);
  CHECK(u.result.images.front().top.digest.string() == index.digest);
  CHECK(u.target.count("PUT manifest") == 2);
}

TEST_CASE("a target that is slow does not time the source out", "[faults]") {
  uploaded u;
  u.settings.timeouts.idle = std::chrono::minutes(2);
  u.settings.timeouts.header = std::chrono::minutes(2);
  u.target.fail("PUT blob", {kind::pause, 0, {}, 100'000, std::chrono::seconds(4)});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.source.count("/blobs/" + u.image.layers.back().digest) == 1);
}

TEST_CASE("a source that is slow does not time the upload out", "[faults]") {
  uploaded u;
  u.settings.timeouts.idle = std::chrono::seconds(1);
  // Longer than the limit in all, and never between two bytes.
  u.source.inject("/blobs/" + u.image.layers.front().digest, drip_of(500, std::chrono::milliseconds(300)));
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") == 0);
}

TEST_CASE("a refusal that comes before the body is read is the answer, although nothing of the body is taken", "[faults]") {
  uploaded u;
  // However long a busy machine takes over the bytes: a body that is cut goes another way than one that is refused.
  u.settings.timeouts.idle = std::chrono::minutes(2);
  u.settings.timeouts.header = std::chrono::minutes(2);
  // More than the system's buffers hold.
  image_recipe recipe;
  recipe.layers = {300, 24'000'000};
  u.image = build_image(recipe);
  u.source.hold("team/app", "1.0", u.image);
  SECTION("for good") {
    u.target.fail("PATCH blob", {kind::early, 403, {}, 0}, 1, 0);
    CHECK(u.copy() == errc::forbidden);
    CHECK(u.target.count("PATCH blob") == 1);
  }
  SECTION("of this way of sending") {
    u.target.fail("PATCH blob", {kind::early, 411, {}, 0}, 1, 0);
    CHECK_FALSE(u.copy());
    INFO(u.text.message());
    CHECK(u.complete());
    CHECK(u.target.count("PATCH blob") == 1);
    CHECK(u.target.taken() == u.all_bytes());
  }
  SECTION("of more than one way") {
    u.target.fail("PATCH blob", {kind::early, 411, {}, 0});
    u.target.fail("PUT blob", {kind::early, 413, {}, 0});
    CHECK_FALSE(u.copy());
    INFO(u.text.message());
    CHECK(u.complete());
    CHECK(u.target.taken() == u.all_bytes());
  }
}

TEST_CASE("a way of sending that a registry refuses is tried with one blob, not with each", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, 405, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") == 3);
  CHECK(u.target.count("PUT blob") == 4);      // the refused one, and the end of each
  CHECK(u.target.count("POST session") == 4);  // one for each blob, and one after the refusal
}

namespace {

/// A signature of the image in a registry with the referrers API.
struct signed_image : uploaded {
  signed_image() {
    settings.plain_http.insert(from.host());
    from.hold("team/app", "1.0", image);
    from.offer_referrers();
    signature =
        test_blob::of("application/vnd.oci.image.manifest.v1+json",
                      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                      R"("artifactType":"application/vnd.test.signature","config":{)" +
                          image.config.descriptor_members() + R"(},"layers":[],"subject":{)" + image.manifest.descriptor_members() + "}}");
    from.hold_manifest("team/app", signature.digest, signature);
  }
  error_code copy_signed() {
    options.referrers = true;
    return copy(from.host() + "/team/app:1.0", target.host() + "/copied/app:1.0");
  }
  std::string fallback_tag() const { return "sha256-" + image.manifest.digest.substr(7); }

  upload_registry from;
  test_blob signature;
};

}  // namespace

TEST_CASE("referrers go from one registry with the API to another, which lists them itself", "[faults]") {
  signed_image s;
  s.target.offer_referrers();
  CHECK_FALSE(s.copy_signed());
  INFO(s.text.message());
  CHECK(s.target.has_tag("copied/app", s.signature.digest));
  CHECK_FALSE(s.target.has_tag("copied/app", s.fallback_tag()));
  REQUIRE(s.result.images.size() == 1);
  CHECK(s.result.images.front().referrers == 1);
}

TEST_CASE("a registry that does not confirm the subject gets the fallback tag", "[faults]") {
  signed_image s;
  CHECK_FALSE(s.copy_signed());
  INFO(s.text.message());
  CHECK(s.target.has_tag("copied/app", s.signature.digest));
  CHECK(s.target.has_tag("copied/app", s.fallback_tag()));
}

namespace {

/// An index in a registry without the referrers API, with a signature of its second image under cosign's tag.
struct signed_index : uploaded {
  explicit signed_index(std::uint32_t count) {
    settings.plain_http.insert(from.host());
    settings.jobs = 16;
    options.referrers = true;
    const std::vector<std::string> architectures{"amd64", "arm64", "s390x"};
    std::vector<test_image> images;
    for (std::uint32_t i = 0; i < count; ++i) {
      image_recipe recipe;
      recipe.architecture = architectures[i];
      recipe.layers = {300};
      recipe.seed = 40 + i;
      images.push_back(build_image(recipe));
      from.hold("team/app", "part" + std::to_string(i), images.back());
    }
    const test_index index = build_index(media_family::oci, images);
    for (const std::string& name : {std::string("1.0"), index.index.digest}) from.hold_manifest("team/app", name, index.index);
    mark = "sha256-" + images[1].manifest.digest.substr(7) + ".sig";
    from.hold_manifest("team/app", mark, images[0].manifest);
  }
  error_code copy_signed() { return copy(from.host() + "/team/app:1.0", target.host() + "/copied/app:1.0"); }

  upload_registry from;
  std::string mark;
};

}  // namespace

TEST_CASE("what hangs on a large index is known from one list of tags, and that there is no API from one question", "[faults]") {
  signed_index s(3);
  bool refused = false;
  SECTION("the tags are listed") {}
  SECTION("the list is refused") {
    refused = true;
    s.from.fail("GET tags", {kind::answer, 405, {}, 0}, 1, 0);
  }
  CHECK_FALSE(s.copy_signed());
  INFO(s.text.message());
  REQUIRE(s.result.images.size() == 1);
  CHECK(s.result.images.front().referrers == 1);
  CHECK(s.target.has_tag("copied/app", s.mark));
  CHECK(s.from.count("GET referrers") == 1);
  CHECK(s.from.count("GET tags") == 1);
  // Of each manifest three tags are guessed, or but the one that is there is looked at.
  CHECK(s.from.count("HEAD manifest") == (refused ? 12 : 1));
}

TEST_CASE("what refers to the manifests of an index is looked for side by side", "[faults]") {
  signed_index s(2);
  s.from.gather("HEAD manifest", 4);
  CHECK_FALSE(s.copy_signed());
  INFO(s.text.message());
  CHECK(s.target.has_tag("copied/app", s.mark));
  CHECK(s.from.count("GET tags") == 0);
  CHECK(s.from.most_at_once("HEAD manifest") >= 4);
}

TEST_CASE("a target that nobody listens at is given up soon although the source answers", "[faults]") {
  uploaded u;
  const std::string nobody = "127.0.0.1:1";
  u.settings.plain_http.insert(nobody);
  std::size_t retries = 0;
  u.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  CHECK(u.copy(u.source.host() + "/team/app:1.0", nobody + "/copied/app:1.0") == errc::connection_refused);
  CHECK(retries == 2);
  CHECK(u.text.message().find(nobody) != std::string::npos);
}

TEST_CASE("a registry that loses every upload ends it with the reason, and no attempt is told that sends nothing", "[faults]") {
  uploaded u;
  u.settings.backoff = std::chrono::milliseconds(1);
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000}, 1, 0);
  u.target.fail("GET session", {kind::forget, 404, {}, 0}, 1, 0);
  std::size_t retries = 0;
  u.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  CHECK(u.copy() == errc::retries_exhausted);
  CHECK(u.text.message().find("was cut off 6 times") != std::string::npos);
  CHECK(retries == u.target.count("PUT blob"));
}
