#include "jobs/mount_memory.hpp"

#include "model/digester.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <string>

namespace gantry::jobs {
namespace {

namespace fs = std::filesystem;

const std::string registry_name = "registry.test";

digest blob_of(const std::string& content) { return model::digest_of(content); }

/// What one process remembers.
struct process {
  process(test::loop& where, const fs::path& root) : loop(where), memory(mount_memory::file_in(root), lanes) { loop.run(memory.load()); }
  std::string find(const std::string& content) const { return memory.find(registry_name, blob_of(content), "new"); }
  void know(const std::string& content, const std::string& repository) { memory.know(registry_name, blob_of(content), repository); }
  void forget(const std::string& content, const std::string& repository) { memory.forget(registry_name, blob_of(content), repository); }
  void save() { loop.run(memory.save()); }

  test::loop& loop;
  runtime::lanes lanes;
  mount_memory memory;
};

}  // namespace

TEST_CASE("processes that end at different times all leave what they learnt of mounts") {
  test::loop loop;
  const test::temp_dir root;
  process first(loop, root.path());
  process second(loop, root.path());
  first.know("a", "team/a");
  second.know("b", "team/b");
  first.save();
  second.save();
  process third(loop, root.path());
  CHECK(third.find("a") == "team/a");
  CHECK(third.find("b") == "team/b");
  // What turned out wrong goes, whoever wrote it; what was seen again since stays.
  third.forget("a", "team/a");
  third.forget("b", "team/b");
  third.know("b", "team/b");
  third.save();
  const process fourth(loop, root.path());
  CHECK(fourth.find("a").empty());
  CHECK(fourth.find("b") == "team/b");
}

TEST_CASE("a memory of mounts makes no store, and writes nothing when it has learnt nothing") {
  test::loop loop;
  const test::temp_dir root;
  process without(loop, root / "none");
  without.know("a", "team/a");
  without.save();
  CHECK_FALSE(fs::exists(root / "none"));
  CHECK(without.find("a") == "team/a");  // for the rest of this run
  process idle(loop, root.path());
  idle.save();
  CHECK_FALSE(fs::exists(root / "state"));
}

}  // namespace gantry::jobs
