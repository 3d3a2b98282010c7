#include "sync_options.hpp"

#include "support/catch.hpp"

#include <map>
#include <string>

using namespace gantry;
using namespace gantry::app;

namespace {

bool no_directory(const std::string&) { return false; }

outcome<sync_arguments> parse(std::vector<std::string> words) {
  auto parsed = parse_sync(std::move(words), no_directory);
  if (!parsed) return parsed.error();
  return std::get<sync_arguments>(std::move(*parsed));
}

outcome<std::optional<shard_choice>> shard_in(std::map<std::string, std::string> variables) {
  return shard_of_environment([&](const char* name) { return variables[name]; });
}

}  // namespace

TEST_CASE("sync takes a list and a place") {
  const auto plain = parse({"images.json", "--to", "registry.test:5000/team/mirror"}).value();
  CHECK(plain.list == "images.json");
  CHECK(std::get<push_prefix>(plain.to).registry == "registry.test:5000");
  CHECK(std::get<push_prefix>(plain.to).path == "team/mirror");
  CHECK_FALSE(plain.shard);
  const auto clear = parse({"-", "--to", "http://registry.test", "--prune", "--yes", "--shard", "2/3", "-a", "arm64"}).value();
  CHECK(clear.common.plain_http == std::vector<std::string>{"registry.test"});
  CHECK(clear.shard->number == 2);
  for (const std::string agreed : {"-y", "--yes", "--force"}) CHECK(parse({"l", "--to", "r.test", "--prune", agreed}).value().yes);
  CHECK(clear.platforms.size() == 1);
  CHECK(std::get<std::string>(parse({"l", "--to", "oci:x"}).value().to) == "x");
  CHECK(std::get<std::string>(parse({"l", "--to", "./x"}).value().to) == "./x");
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{},
                                             {"l"},
                                             {"l", "m", "--to", "r.test"},
                                             {"l", "--to", "r.test", "--yes"},
                                             {"l", "--to", "r.test", "--lock", "f", "--no-lock"},
                                             {"l", "--to", "r.test", "--shard", "0/3"},
                                             {"l", "--to", "r.test", "--shard", "4/3"},
                                             {"l", "--to", "r.test", "--shard", "3"},
                                             {"-", "--to", "r.test", "-u", "a", "--password-stdin"}}) {
    INFO((bad.empty() ? "" : bad.back()));
    CHECK(parse(bad).error().code == exit_code::usage);
  }
}

TEST_CASE("a target that is no registry may be a directory, and the hint says how that is written") {
  for (const char* word : {"dirout", "dir_out", "out/images"}) {
    const problem refused = parse({"l", "--to", word}).error();
    INFO(refused.message);
    CHECK(refused.hint.find(std::string("; a new directory is written ./") + word) != std::string::npos);
  }
  for (const char* word : {"https://dirout", "me:secret@dirout"})
    CHECK(parse({"l", "--to", word}).error().hint.find("directory") == std::string::npos);
}

TEST_CASE("the part of an array job is known from its environment") {
  CHECK_FALSE(shard_in({}).value());
  const auto kubernetes = shard_in({{"JOB_COMPLETION_INDEX", "0"}, {"JOB_COMPLETIONS", "4"}}).value();
  REQUIRE(kubernetes);
  CHECK(kubernetes->shard.number == 1);
  CHECK(kubernetes->shard.count == 4);
  const auto slurm = shard_in({{"SLURM_ARRAY_TASK_ID", "7"}, {"SLURM_ARRAY_TASK_COUNT", "4"}, {"SLURM_ARRAY_TASK_MIN", "5"}}).value();
  REQUIRE(slurm);
  CHECK(slurm->shard.number == 3);
  CHECK(slurm->origin == "SLURM_ARRAY_TASK_ID");
  CHECK_FALSE(shard_in({{"JOB_COMPLETION_INDEX", "0"}}).has_value());
  CHECK_FALSE(shard_in({{"JOB_COMPLETION_INDEX", "4"}, {"JOB_COMPLETIONS", "4"}}).has_value());
  CHECK_FALSE(shard_in({{"SLURM_ARRAY_TASK_ID", "x"}, {"SLURM_ARRAY_TASK_COUNT", "4"}}).has_value());
}

TEST_CASE("the lock lies beside the list") {
  CHECK(lock_beside("a/images.json", {}) == "a/images.lock.json");
  CHECK(lock_beside("list", {2, 4}) == "list.lock.2-of-4.json");
  CHECK(lock_beside("-", {}).empty());
}
