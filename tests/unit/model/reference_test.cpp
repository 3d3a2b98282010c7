#include <gantry/reference.hpp>

#include "model/manifest.hpp"
#include "model/reference_grammar.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace gantry {
namespace {

reference parse(std::string_view text) {
  error_code ec;
  const reference value = reference::parse(text, ec);
  INFO(text << ": " << ec.message());
  CHECK_FALSE(ec);
  return value;
}

std::string complaint(std::string_view text) {
  error_code ec;
  diagnostics diag;
  CHECK(reference::parse(text, ec, diag).empty());
  CHECK(ec == errc::invalid_reference);
  return diag.message();
}

void check_error(const std::string& wanted, const failure& error) {
  const std::string& said = error.text.message();
  CHECK_FALSE(said.empty());
  if (wanted == "NAME_UPPERCASE") CHECK(said.find("lower-case") != std::string::npos);
  if (wanted == "NAME_TOO_LONG") CHECK(said.find("longer than") != std::string::npos);
  CHECK((error.code == errc::invalid_digest) == (wanted.starts_with("DIGEST")));
}

/// The row's text without docker's defaults.
void check_raw(const test::vector_row& row, const std::string& text) {
  const auto parts = model::split_reference(text);
  CHECK(parts.has_value() == row.out_true("ok"));
  if (!parts) {
    check_error(row.out("error"), parts.error());
    return;
  }
  if (!row.out_true("ok")) return;
  CHECK((parts->domain.empty() ? parts->path : parts->domain + "/" + parts->path) == row.out("name"));
  CHECK(parts->domain == row.out("domain"));
  CHECK(parts->tag == row.out("tag"));
  CHECK(parts->digest.string() == row.out("digest"));
}

}  // namespace

TEST_CASE("vectors: reference_parse", "[vectors]") {
  test::for_each_row("reference_parse", [](const test::vector_row& row) {
    const std::string text(row.input.as_string());
    if (!row.out_true("canonical_only")) return check_raw(row, text);
    error_code ec;
    const reference value = reference::parse(text, ec);
    const bool canonical = !ec && text.starts_with(value.name());
    CHECK(canonical == row.out_true("ok"));
    if (!canonical) return;
    CHECK(value.registry() == row.out("domain"));
    CHECK(value.repository() == row.out("path"));
  });
}

TEST_CASE("vectors: reference_normalized", "[vectors]") {
  test::for_each_row("reference_normalized", [](const test::vector_row& row) {
    const std::string text(row.input.as_string());
    error_code ec;
    diagnostics diag;
    const reference value = reference::parse(text, ec, diag);
    CHECK(!ec == row.out_true("ok"));
    CHECK(diag.message().empty() == !ec);
    if (ec || !row.out_true("ok")) return;
    CHECK(value.registry() == row.out("domain"));
    CHECK(value.repository() == row.out("path"));
    const bool bare = row.out("tag").empty() && row.out("digest").empty();
    CHECK(value.tag() == (bare ? "latest" : row.out("tag")));
    CHECK(value.digest().string() == row.out("digest"));
    if (!row.out("string").empty()) CHECK((bare ? value.name() : value.string()) == row.out("string"));
    if (!row.out("familiar").empty()) CHECK((bare ? value.familiar_name() : value.familiar()) == row.out("familiar"));
  });
}

TEST_CASE("vectors: spec_name_tag_grammar", "[vectors]") {
  test::for_each_row("spec_name_tag_grammar", [](const test::vector_row& row) {
    const bool name = row.input.as_object().contains("name");
    CHECK((name ? model::is_repository(row.in("name")) : model::is_tag(row.in("tag"))) == row.out_true("valid"));
  });
}

TEST_CASE("vectors: referrers_tag", "[vectors]") {
  test::for_each_row("referrers_tag", [](const test::vector_row& row) {
    CHECK(model::referrers_tag(std::string(row.input.as_string())) == std::string(row.expected.as_string()));
  });
}

TEST_CASE("a reference keeps tag and digest, and the digest is what is fetched") {
  const std::string hex(64, 'a');
  const reference both = parse("nginx:1.25@sha256:" + hex);
  CHECK(both.tag() == "1.25");
  CHECK(both.manifest_reference() == "sha256:" + hex);
  CHECK(both.string() == "docker.io/library/nginx:1.25@sha256:" + hex);
  CHECK(both.familiar() == "nginx:1.25@sha256:" + hex);
  CHECK(parse("nginx@sha256:" + hex).tag().empty());
  CHECK(parse("nginx").manifest_reference() == "latest");
  CHECK(parse("nginx").with_tag("2").string() == "docker.io/library/nginx:2");
}

TEST_CASE("the short form of a name is never another name") {
  CHECK(parse("docker.io/a.b/c").familiar() == "docker.io/a.b/c:latest");
  CHECK(parse("docker.io/localhost/c").familiar() == "docker.io/localhost/c:latest");
  CHECK(parse("docker.io/library/a/b").familiar() == "library/a/b:latest");
  CHECK(parse("docker.io/" + std::string(64, 'a')).familiar_name() == "docker.io/library/" + std::string(64, 'a'));
}

TEST_CASE("an unusable name is explained in the words that were given") {
  CHECK(complaint("").find("empty") != std::string::npos);
  CHECK(complaint("Nginx").find("\"Nginx\"") != std::string::npos);
  CHECK(complaint("Nginx").find("lower-case") != std::string::npos);
  CHECK(complaint("https://example.com/x").find("scheme") != std::string::npos);
  CHECK(complaint("nginx@sha256:12").find("64") != std::string::npos);
  CHECK(complaint(std::string(64, 'a')).find("image ID") != std::string::npos);
  CHECK(complaint("library/nginx:\x1b[31m").find('\x1b') == std::string::npos);
  CHECK(complaint("a b").find("\"a b\"") != std::string::npos);
}

TEST_CASE("a name never leaves its repository") {
  for (const char* bad : {"example.com/../x", "example.com/a/..", "example.com//a", "example.com/a/", "example.com/a:..", "example.com/a?b",
                          "example.com/a%2e", "example.com/a\n", "foo.bar_baz/x", "../x", "/x"}) {
    INFO(bad);
    CHECK_FALSE(complaint(bad).empty());
  }
}

TEST_CASE("a registry in Unicode is kept in its ASCII form") {
  gantry::error_code ec;
  gantry::diagnostics said;
  const auto image = gantry::reference::parse("bücher.example:5000/team/app:1", ec, said);
  if (ec) {
    CHECK(said.message().find("xn--") != std::string::npos);  // built without libidn2
  } else {
    CHECK(image.registry() == "xn--bcher-kva.example:5000");
    CHECK(image.repository() == "team/app");
  }
  gantry::reference::parse("registry.example/bücher", ec);
  CHECK(ec);
}

}  // namespace gantry
