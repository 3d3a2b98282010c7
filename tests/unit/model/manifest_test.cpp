#include "model/manifest.hpp"

#include "base/base64.hpp"
#include "model/digester.hpp"
#include "model/json_writer.hpp"
#include "model/media_type.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <algorithm>

namespace gantry::model {
namespace {

/// What a schema calls valid. A digest of an algorithm that gantry cannot verify is valid there and refused here as unsupported.
template <class T>
bool valid(const result<T>& parsed) {
  return parsed || parsed.error().code == errc::unsupported_document;
}

template <class T>
errc code_of(const result<T>& parsed) {
  return parsed ? errc{} : static_cast<errc>(parsed.error().code.value());
}

std::string entry(std::string_view content, std::string_view type, const std::string& more = {}) {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + digest_of(content).string() + R"(","size":)" +
         std::to_string(content.size()) + more + "}";
}

std::string manifest_of(std::size_t layers, const std::string& more = {}) {
  std::string text = R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::oci_manifest) + R"(","config":)" +
                     entry("{}", media_type::oci_config) + R"(,"layers":[)";
  for (std::size_t i = 0; i < layers; ++i) text += (i == 0 ? "" : ",") + entry(std::to_string(i), media_type::oci_layer_gzip);
  return text + "]" + more + "}";
}

std::string index_of(std::size_t entries) {
  std::string text = R"({"schemaVersion":2,"manifests":[)";
  for (std::size_t i = 0; i < entries; ++i) text += (i == 0 ? "" : ",") + entry("m", media_type::oci_manifest);
  return text + "]}";
}

/// A body of the type with one more member at its top.
std::string with_member(const std::string& type, const std::string& name) {
  const std::string value = name.size() == 6 && (name[0] == 'c' || name[0] == 'C') ? "{}" : "[]";
  return R"({"schemaVersion":2,"mediaType":")" + type + "\",\"" + name + "\":" + value + "}";
}

void check_extra_member(const test::vector_row& row) {
  const std::string type = row.in("content_type");
  const std::string field = row.in("extra_top_level_field");
  CHECK(detect_media_type(with_member(type, field), type).has_value() == row.out_true("accepted"));
  CHECK(detect_media_type(with_member(type, field), "").has_value() == row.out_true("accepted"));
  std::string capital = field;
  capital[0] = static_cast<char>(std::toupper(capital[0]));
  std::string loud = field;
  std::transform(loud.begin(), loud.end(), loud.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  CHECK_FALSE(detect_media_type(with_member(type, capital), type));
  CHECK_FALSE(detect_media_type(with_member(type, loud), type));
}

}  // namespace

TEST_CASE("vectors: manifest_ambiguity", "[vectors]") {
  test::for_each_row("manifest_ambiguity", [](const test::vector_row& row) {
    if (row.input.as_object().contains("extra_top_level_field")) return check_extra_member(row);
    const auto type = detect_media_type(row.in("body"), row.in("content_type"));
    const bool accepted = type && !is_schema1(*type);
    CHECK(accepted == row.out_true("accepted"));
    if (!accepted) CHECK_FALSE(parse_document(row.in("body"), row.in("content_type")));
  });
}

TEST_CASE("vectors: manifest_media_type_guess", "[vectors]") {
  test::for_each_row("manifest_media_type_guess", [](const test::vector_row& row) {
    const auto type = detect_media_type(base64_decode(row.in("base64")).value(), "");
    CHECK((type ? *type : "") == row.out("media_type"));
  });
}

TEST_CASE("vectors: oci_manifest_schema", "[vectors]") {
  test::for_each_row("oci_manifest_schema", [](const test::vector_row& row) {
    CHECK(valid(parse_document(std::string(row.input.as_string()), media_type::oci_manifest)) == row.out_true("valid"));
  });
}

TEST_CASE("vectors: oci_index_schema", "[vectors]") {
  test::for_each_row("oci_index_schema", [](const test::vector_row& row) {
    CHECK(valid(parse_document(std::string(row.input.as_string()), media_type::oci_index)) == row.out_true("valid"));
  });
}

TEST_CASE("vectors: oci_descriptor_schema", "[vectors]") {
  test::for_each_row("oci_descriptor_schema", [](const test::vector_row& row) {
    CHECK(valid(parse_descriptor(std::string(row.input.as_string()))) == row.out_true("valid"));
  });
}

TEST_CASE("a manifest is read with everything that its descriptors say") {
  const std::string subject =
      R"(,"subject":)" + entry("s", media_type::oci_manifest) + R"(,"artifactType":"application/x","annotations":{"k":"v"})";
  const auto parsed = parse_document(manifest_of(2, subject), "application/vnd.oci.image.manifest.v1+json; charset=utf-8");
  REQUIRE(parsed);
  const manifest& value = std::get<manifest>(*parsed);
  CHECK(value.media_type == media_type::oci_manifest);
  CHECK(value.artifact_type == "application/x");
  CHECK(value.config.size == 2);
  REQUIRE(value.layers.size() == 2);
  CHECK(value.layers[1].digest == digest_of("1"));
  REQUIRE(value.subject);
  CHECK(value.subject->digest == digest_of("s"));
  CHECK(value.annotations.at("k") == "v");
  CHECK(is_image(value));
}

TEST_CASE("what is written of a descriptor reads back the same") {
  descriptor value;
  value.media_type = media_type::docker_foreign_layer_gzip;
  value.digest = digest_of("x", digest_algorithm::sha512);
  value.size = 1;
  value.platform = platform{"windows", "amd64", "v2", "10.0.17763", {"win32k"}};
  value.annotations = {{"a", "b\n"}};
  value.urls = {"https://example.com/x"};
  value.artifact_type = "application/x";
  value.data = "x";
  json_writer out;
  write(out, value);
  const auto read = parse_descriptor(out.string());
  REQUIRE(read);
  CHECK(*read == value);
}

TEST_CASE("an index may list unknown kinds of manifests, a manifest must have config and layers") {
  const auto index_text =
      R"({"schemaVersion":2,"manifests":[)" +
      entry("m", "application/x",
            R"(,"platform":{"os":"linux","architecture":"arm","variant":"v7","os.features":["f"],"features":["sse4"]})") +
      "]}";
  const auto parsed = parse_document(index_text, media_type::docker_list);
  REQUIRE(parsed);
  const index& value = std::get<index>(*parsed);
  CHECK(value.media_type == media_type::docker_list);
  CHECK(value.manifests.at(0).platform == platform{"linux", "arm", "v7", "", {"f"}, {"sse4"}});
  json_writer out;
  write(out, value.manifests.at(0));
  CHECK(parse_descriptor(out.string()).value() == value.manifests.at(0));
  CHECK(code_of(parse_document(R"({"schemaVersion":2})", media_type::oci_manifest)) == errc::malformed_document);
  CHECK(code_of(parse_document(R"({"schemaVersion":3,"manifests":[]})", media_type::oci_index)) == errc::malformed_document);
  CHECK(code_of(parse_document(R"({"manifests":[]})", media_type::oci_index)) == errc::malformed_document);
  CHECK(code_of(parse_document(R"({"a":1})", "application/json")) == errc::unsupported_document);
  CHECK(code_of(parse_document(R"({"schemaVersion":2,"mediaType":"application/x"})", "")) == errc::unsupported_document);
  CHECK(code_of(parse_document("<html>", "text/html")) == errc::malformed_document);
}

TEST_CASE("schema 1 is refused with a sentence that says what to do") {
  const auto parsed = parse_document(R"({"schemaVersion":1,"name":"x","fsLayers":[],"history":[],"signatures":[]})",
                                     "application/vnd.docker.distribution.manifest.v1+prettyjws", "the manifest of x");
  REQUIRE(code_of(parsed) == errc::unsupported_document);
  CHECK(parsed.error().text.message().find("the manifest of x is in Docker's old format, schema 1") == 0);
  CHECK(parsed.error().text.message().find("push the image again") != std::string::npos);
}

TEST_CASE("layers, entries and bytes of a document are limited") {
  CHECK(parse_document(manifest_of(1'000), ""));
  CHECK(code_of(parse_document(manifest_of(1'001), "")) == errc::limit_exceeded);
  const auto full = parse_document(index_of(10'000), "");
  REQUIRE(full);
  CHECK(std::get<index>(*full).manifests.size() == 10'000);
  CHECK(code_of(parse_document(index_of(10'001), "")) == errc::limit_exceeded);
  CHECK(code_of(parse_document(std::string((std::size_t{8} << 20) + 1, ' '), "")) == errc::limit_exceeded);
}

TEST_CASE("a hostile document costs an error, not a crash") {
  CHECK(code_of(parse_document(R"({"x":)" + std::string(100'000, '['), media_type::oci_index)) == errc::limit_exceeded);
  std::string deep = R"({"x":)";
  for (int i = 0; i < 40; ++i) deep += R"({"x":)";
  CHECK(code_of(parse_document(deep, media_type::oci_manifest)) == errc::limit_exceeded);
  CHECK(code_of(parse_document(manifest_of(1, R"(,"x":1e999)"), "")) == errc::malformed_document);
  CHECK(code_of(parse_document(manifest_of(1, R"(,"layers":[])"), "")) == errc::malformed_document);
  const std::string whole = manifest_of(2);
  for (std::size_t length = 0; length < whole.size(); ++length) CHECK_FALSE(parse_document(whole.substr(0, length), ""));
}

TEST_CASE("descriptors inside of documents are as strict as the top") {
  const std::string good = entry("x", "a/b");
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return code_of(parse_descriptor(text));
  };
  CHECK(changed(R"("size")", R"("Size":7,"size")") == errc::malformed_document);
  CHECK(changed(":1}", ":9223372036854775808}") == errc::malformed_document);
  CHECK(changed(":1}", ":1.5}") == errc::malformed_document);
  CHECK(changed("sha256:", "sha384:") == errc::unsupported_document);
  CHECK(code_of(parse_descriptor(R"({"digest":"sha384:0","mediaType":"x"})")) == errc::malformed_document);
  CHECK(changed("sha256:", "sha256:00") == errc::malformed_document);
  CHECK(changed("sha256:", "SHA256:") == errc::malformed_document);
  CHECK(changed("}", R"(,"platform":{"os":"linux\u001b","architecture":"x"}})") == errc::malformed_document);
  CHECK(changed("}", R"(,"urls":["https://a b"]})") == errc::malformed_document);
  CHECK(changed("}", R"(,"platform":null,"urls":null,"annotations":null,"data":null})") == errc{});
}

TEST_CASE("inline data is decoded, and used only when size and digest are right") {
  const auto inlined = [](std::string_view content, const std::string& data) {
    return parse_descriptor(entry(content, "text/plain", R"(,"data":")" + data + "\""));
  };
  const auto right = inlined("hello", base64_encode("hello"));
  REQUIRE(right);
  CHECK(inline_content(*right).value() == "hello");
  CHECK(code_of(inline_content(inlined("hello", base64_encode("hellO")).value())) == errc::digest_mismatch);
  CHECK(code_of(inline_content(inlined("hello", base64_encode("hell")).value())) == errc::size_mismatch);
  CHECK(code_of(inlined("hello", "aGVsbG8")) == errc::malformed_document);
  CHECK_FALSE(inlined("hello", base64_encode(std::string(inline_data_limit + 1, 'x'))).value().data);
  CHECK_FALSE(inline_content(parse_descriptor(entry("x", "a/b")).value()).value());
}

}  // namespace gantry::model
