#include "registry/referrers.hpp"

#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include "support/catch.hpp"
#include "unit/registry/signature.hpp"

using namespace gantry;
using gantry::test::signature;

TEST_CASE("a manifest with a subject is described by its own type, or that of its config") {
  const std::string subject = model::digest_of("image").string();
  const auto text = [&](const std::string& type) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)" + type +
           R"("config":{"mediaType":"application/vnd.test.config","size":2,"digest":)"
           R"("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[],"subject":{"mediaType":)"
           R"("application/vnd.oci.image.manifest.v1+json","size":5,"digest":")" +
           subject + R"("},"annotations":{"k":"v"}})";
  };
  digest of;
  const auto typed = registry::referrer_of(signature(), text(R"("artifactType":"application/vnd.test.sbom",)"), of);
  REQUIRE(typed);
  CHECK(of.string() == subject);
  CHECK(typed->artifact_type == "application/vnd.test.sbom");
  CHECK(typed->annotations.at("k") == "v");
  const auto untyped = registry::referrer_of(signature(), text(""), of);
  REQUIRE(untyped);
  CHECK(untyped->artifact_type == "application/vnd.test.config");
}
