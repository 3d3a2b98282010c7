#include "model/index_words.hpp"

#include "model/digester.hpp"
#include "model/media_type.hpp"
#include "support/catch.hpp"

#include <string>

namespace gantry::model {
namespace {

digest digest_named(const std::string& content) { return digest_of(content); }

descriptor manifest_of(const std::string& content) {
  descriptor made;
  made.media_type = std::string(media_type::oci_manifest);
  made.digest = digest_named(content);
  made.size = content.size();
  return made;
}

/// An entry as somebody writes it, with \p more members before its end.
std::string entry(const std::string& content, const std::string& more) {
  return "{ \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \"digest\": \"" + digest_named(content).string() +
         "\", \"size\": " + std::to_string(content.size()) + more + " }";
}

std::string compact(const std::string& content, const std::string& more) {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + digest_named(content).string() + R"(","size":)" +
         std::to_string(content.size()) + more + "}";
}

const std::string front = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)";

}  // namespace

TEST_CASE("an index of a part keeps the order and the members of the whole, also those that nobody knows") {
  const index_words words("{\"org.x\": [1, \"a b\"], \"schemaVersion\": 2, \"annotations\": {\"k\": \"v w\"}, \"manifests\": [\n" +
                          entry("one", R"(, "platform": {"os": "linux", "architecture": "amd64", "new": 1})") + ",\n" + entry("two", "") +
                          ",\n" + entry("three", R"(, "x-score": 1.50)") + "]}");
  const std::string expected = front + "\"manifests\":[" + compact("one", R"(,"platform":{"os":"linux","architecture":"amd64","new":1})") +
                               "," + compact("three", R"(,"x-score":1.50)") + R"(],"annotations":{"k":"v w"},"org.x":[1,"a b"]})";
  CHECK(write_index(media_type::oci_index, {manifest_of("one"), manifest_of("three")}, &words) == expected);
  CHECK(write_index(media_type::oci_index, {manifest_of("three"), manifest_of("one")}, &words) == expected);
}

TEST_CASE("an entry without a platform is given the one that is known of it") {
  const index_words words("{\"manifests\":[" + entry("one", "") + "," + entry("two", R"(,"platform":null)") + "]}");
  descriptor one = manifest_of("one");
  one.platform.emplace();
  one.platform->os = "linux";
  one.platform->architecture = "arm64";
  const std::string runs_on = R"(,"platform":{"architecture":"arm64","os":"linux"})";
  CHECK(words.entry(one) == compact("one", runs_on));
  // Twice the same member would be two meanings: it is written anew.
  descriptor two = manifest_of("two");
  two.platform = one.platform;
  CHECK(words.entry(two).empty());
  CHECK(write_index(media_type::oci_index, {two}, &words) == front + "\"manifests\":[" + compact("two", runs_on) + "]}");
}

TEST_CASE("what an inner index names stands in its place") {
  index_words words("{\"manifests\":[" + entry("one", "") + "," + entry("inner", "") + "," + entry("two", "") + "]}");
  words.add_inner(digest_named("inner"), "{\"manifests\":[" + entry("three", R"(,"x":"y")") + "]}");
  CHECK(write_index(media_type::oci_index, {manifest_of("two"), manifest_of("three"), manifest_of("one")}, &words) ==
        front + "\"manifests\":[" + compact("one", "") + "," + compact("three", R"(,"x":"y")") + "," + compact("two", "") + "]}");
}

TEST_CASE("members of another origin stay in their order, and keys that are spelt out are not passed on") {
  const index_words words("{\"manifests\":[" + entry("one", R"(,"anno\u0074ations":{"a":"b"})") + "],\"sub\\u006aect\":{},\"x\":1}");
  CHECK(write_index(media_type::oci_index, {manifest_of("new"), manifest_of("one")}, &words) ==
        front + "\"manifests\":[" + compact("new", "") + "," + compact("one", "") + R"(],"x":1})");
  CHECK(write_index(media_type::oci_index, {manifest_of("new")}, nullptr) == front + "\"manifests\":[" + compact("new", "") + "]}");
}

TEST_CASE("a list of docker's kind has no subject") {
  const index_words words(R"({"subject":{"size":1},"artifactType":"a/b","manifests":null})");
  CHECK(write_index(media_type::oci_index, {}, &words) == front + R"("artifactType":"a/b","manifests":[],"subject":{"size":1}})");
  CHECK(write_index(media_type::docker_list, {}, &words).find("subject") == std::string::npos);
}

}  // namespace gantry::model
