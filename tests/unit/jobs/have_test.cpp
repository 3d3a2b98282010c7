#include "jobs/have.hpp"

#include "support/result.hpp"
#include "support/tar_builder.hpp"
#include "support/temp_dir.hpp"

#include <atomic>
#include <string>

namespace gantry::jobs {
namespace {

using test::must;
using test::must_fail;

std::string hex(char digit) { return "sha256:" + std::string(64, digit); }

std::set<std::string> words(const std::set<digest>& held) {
  std::set<std::string> list;
  for (const digest& one : held) list.insert(one.string());
  return list;
}

using strings = std::set<std::string>;

}  // namespace

TEST_CASE("a list of digests is read line by line") {
  const std::string text = "# ours\n" + hex('a') + "\r\n\n  " + hex('b') + "  \n" + hex('a');
  CHECK(words(must(parse_have(text, "the list"))) == strings{hex('a'), hex('b')});
  CHECK(must(parse_have("", "the list")).empty());
  const failure why = must_fail(parse_have(hex('a') + "\nnginx:1\n", "the list"), errc::malformed_document);
  CHECK(why.text.message().find("line 2 of the list") != std::string::npos);
}

TEST_CASE("of the store's own listing the blobs count that it holds") {
  const std::string text = R"({"version":1,"store":{"path":"/x"},"references":[{"name":"a","digest":")" + hex('f') +
                           R"(","manifests":[{"digest":")" + hex('e') + R"(","blobs":[{"digest":")" + hex('a') +
                           R"(","held":true},{"held":false,"digest":")" + hex('b') + R"("}]},{"blobs":[{"held":true,"digest":")" +
                           hex('c') + R"("}]}]}]})";
  CHECK(words(must(parse_have(text, "the list"))) == strings{hex('a'), hex('c')});
  must_fail(parse_have("{}", "the list"), errc::malformed_document);
  must_fail(parse_have("{\"references\":[", "the list"), errc::malformed_document);
}

TEST_CASE("a file is a text or an archive, by its content") {
  const test::temp_dir directory;
  const std::atomic<bool> running{false};
  test::spill(directory / "list", hex('a') + "\n");
  CHECK(words(must(read_have(directory / "list", running))) == strings{hex('a')});
  test::spill(directory / "empty.tar", test::tar_builder().add("manifest.json", "[]").finish());
  CHECK(must(read_have(directory / "empty.tar", running)).empty());
  must_fail(read_have(directory / "gone", running), errc::file_not_found);
  test::spill(directory / "other",
              "\x7f"
              "ELF");
  must_fail(read_have(directory / "other", running), errc::malformed_document);
}

}  // namespace gantry::jobs
