#include "support/store_check.hpp"

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/finding.hpp"
#include "support/sha256.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct checked_store {
  temp_dir directory;
  fs::path root = directory / "store";
  fs::path findings = directory / "findings";
  environment told{"GANTRY_FINDINGS", findings.string()};

  checked_store() { spill(blob_of("content"), "content"); }
  fs::path blob_of(const std::string& content) const { return root / "blobs" / "sha256" / sha256_of(content).substr(7); }
};

}  // namespace

TEST_CASE("a sound store has no problems, and nothing is found") {
  const checked_store s;
  CHECK(store_problems(s.root) == "");
  CHECK(finding("") == "");
  CHECK_FALSE(fs::exists(s.findings));
}

TEST_CASE("a broken invariant is told and found") {
  const checked_store s;
  spill(s.blob_of("other"), "wrong");
  const std::string problems = store_problems(s.root, true);
  CHECK(problems.find("hashes to " + sha256_of("wrong")) != std::string::npos);
  CHECK(slurp(s.findings) == problems);
  CHECK(finding("one more") == "one more");
  CHECK(slurp(s.findings) == problems + "one more\n");
}

TEST_CASE("what was left behind is told unless it may be there, and is no finding") {
  const checked_store s;
  for (const char* name : {"leases/0123", "ingest/sha256-00/data", "refs/host/.1.0.0123", ".index.json.0123", "meta/sha256/.00.0123"}) {
    CAPTURE(name);
    spill(s.root / name, "");
    CHECK(store_problems(s.root, true) == "");
    CHECK(store_problems(s.root).find(" was left behind\n") != std::string::npos);
    fs::remove_all((s.root / name).parent_path() == s.root ? s.root / name : (s.root / name).parent_path());
  }
  CHECK_FALSE(fs::exists(s.findings));
}

TEST_CASE("a lock that this very process holds is told") {
  const checked_store s;
  spill(s.root / "locks" / "blobs", "");
  const int descriptor = ::open((s.root / "locks" / "blobs").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  request.l_start = 4711;
  request.l_len = 1;
  const int locked = ::fcntl(descriptor, F_OFD_SETLK, &request);
  CHECK(store_problems(s.root, true).empty() == (locked != 0));
  ::close(descriptor);
  CHECK(store_problems(s.root, true) == "");
}
