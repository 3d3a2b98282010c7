// Long lists: parts of them, breaking off and going on.
#include "integration/listed.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/sanitizer.hpp"
#include "support/servers.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("parts of a list mount the layers that other parts have brought", "[integration]") {
  const listed l;
  constexpr unsigned count = 16;
  std::string text = "[";
  for (unsigned i = 0; i < count; ++i)
    text += (i == 0 ? "" : ",") + std::string(R"({"source": "SOURCE/team/multi:1.0", "target": "app)") + std::to_string(i) + "\"}";
  l.write(text + "]");
  const auto first = json_of(l.sync({"--shard", "1/2", "--json"}));
  const auto second = json_of(l.sync({"--shard", "2/2", "--json"}));
  REQUIRE(first.at("images").as_array().size() + second.at("images").as_array().size() == count);
  REQUIRE_FALSE(first.at("images").as_array().empty());
  REQUIRE_FALSE(second.at("images").as_array().empty());
  CHECK(first.at("bytes_uploaded").to_number<std::uint64_t>() > 3'000'000);
  // The same parts by the environment of an array job, as its manifest sets it.
  const auto job = [&](const std::string& index) {
    return l.place.run(l.words({"--json"}), {{"JOB_COMPLETION_INDEX", index}, {"JOB_COMPLETIONS", "2"}});
  };
  for (const auto& [index, part] : {std::pair("0", &first), std::pair("1", &second)}) {
    const outcome again = job(index);
    CHECK(again.err.find("JOB_COMPLETION_INDEX") != std::string::npos);
    const auto told = json_of(again);
    REQUIRE(told.at("images").as_array().size() == part->at("images").as_array().size());
    for (std::size_t i = 0; i < told.at("images").as_array().size(); ++i) {
      const auto& one = told.at("images").at(i).as_object();
      CHECK(one.at("name") == part->at("images").at(i).at("name"));
      CHECK(one.at("state") == "unchanged");
    }
  }
  // Configurations alone.
  CHECK(second.at("bytes_uploaded").to_number<std::uint64_t>() < 20'000);
  CHECK(second.at("blobs_mounted").to_number<unsigned>() > 0);
}

TEST_CASE("a sync that was killed goes on where it was", "[integration]") {
  const listed l;
  // Images of their own, so that each takes its time.
  std::string text = "[";
  registry_options plain;
  plain.storage = l.directory / "many";
  const docker_registry source(l.directory / "source", std::move(plain));
  constexpr unsigned count = 60;
  for (unsigned i = 0; i < count; ++i) {
    image_recipe recipe;
    recipe.layers = {2'000};
    recipe.seed = i + 1;
    push(source.port(), "app" + std::to_string(i), "1", build_image(recipe));
    text += (i == 0 ? "" : ",") + std::string("{\"source\": \"") + source.host() + "/app" + std::to_string(i) + ":1\"}";
  }
  std::ofstream(l.place / "images.json") << text << "]";
  const std::vector<std::string> words{
      "sync", "images.json", "--to", l.to.host() + "/mirror", "--ca-cert", l.to.certificates().authority.string(), "-j", "2", "--json"};
  const auto written = [&] {
    const fs::path root = l.directory / "storage" / "docker" / "registry" / "v2" / "repositories" / "mirror";
    std::size_t there = 0;
    std::error_code none;
    for (fs::directory_iterator i(root, none), end; i != end; ++i)
      there += fs::exists(i->path() / "_manifests" / "tags" / "1" / "current") ? 1 : 0;
    return there;
  };
  {
    child running(l.place.gantry(words), l.directory / "log");
    while (running.running() && written() < 10) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    running.signal(SIGKILL);
    REQUIRE(running.wait(std::chrono::minutes(1)));
  }
  const std::size_t before = written();
  REQUIRE(before >= 10);
  const outcome rest = l.place.run(words);
  INFO(rest.err);
  REQUIRE(rest.status == 0);
  CHECK(written() == count);
  std::size_t unchanged = 0;
  const boost::json::object told = json_of(rest);
  for (const auto& one : told.at("images").as_array()) unchanged += one.as_object().at("state") == "unchanged" ? 1 : 0;
  CHECK(unchanged >= before);
  // Of many blobs not each is told.
  std::size_t told_singly = 0;
  for (const std::string word : {": done", ": there already"}) {
    for (std::size_t at = rest.err.find(word); at != std::string::npos; at = rest.err.find(word, at + 1)) ++told_singly;
  }
  CHECK(told_singly <= 50);
  // Nor does a kill leave what was being written beside the list.
  CHECK(l.place.files() == std::set<std::string>{"images.json", "images.lock.json"});
}

TEST_CASE("a thousand tags are synced, killed in the middle, resumed, and repeated with HEADs alone", "[integration]") {
  const listed l;
  constexpr unsigned repositories = 4;
  constexpr unsigned tags = 250;
  registry_options plain;
  plain.storage = l.directory / "many";
  const docker_registry source(l.directory / "source", std::move(plain));
  std::string numbers;
  for (unsigned i = 1; i <= tags; ++i) numbers += (i == 1 ? "\"" : ",\"") + std::to_string(i) + "\"";
  std::string text = "[";
  for (unsigned i = 0; i < repositories; ++i) {
    image_recipe recipe;
    recipe.layers = {2'000};
    recipe.seed = i + 1;
    const test_image image = build_image(recipe);
    const std::string name = "app" + std::to_string(i);
    push(source.port(), name, "1", image);
    run_or_throw({{"curl", "-sSf", "-o", "/dev/null", "-X", "PUT", "-H", "Content-Type: " + image.manifest.media_type, "--data-binary",
                   image.manifest.bytes, "http://" + source.host() + "/v2/" + name + "/manifests/[1-" + std::to_string(tags) + "]"}});
    text += (i == 0 ? "" : ",") + std::string(R"({"source": ")") + source.host() + "/" + name + R"(", "tags": [)" + numbers + "]}";
  }
  std::ofstream(l.place / "images.json") << text << "]";
  const std::vector<std::string> words{
      "sync", "images.json", "--to", l.to.host() + "/mirror", "--ca-cert", l.to.certificates().authority.string(), "--json"};
  const auto written = [&] {
    std::size_t there = 0;
    for (unsigned i = 0; i < repositories; ++i) {
      std::error_code none;
      const fs::path names =
          l.directory / "storage/docker/registry/v2/repositories/mirror" / ("app" + std::to_string(i)) / "_manifests" / "tags";
      for (fs::directory_iterator one(names, none), end; one != end; one.increment(none))
        there += fs::exists(one->path() / "current", none) ? 1 : 0;
    }
    return there;
  };
  {
    child running(l.place.gantry(words), l.directory / "log");
    while (running.running() && written() < 50) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    running.signal(SIGKILL);
    REQUIRE(running.wait(std::chrono::minutes(1)));
  }
  const std::size_t before = written();
  REQUIRE(before >= 50);
  REQUIRE(before < repositories * tags);
  const auto count_of = [](const boost::json::object& told, const char* state) {
    std::size_t count = 0;
    for (const auto& one : told.at("images").as_array()) count += one.as_object().at("state") == state ? 1 : 0;
    return count;
  };
  const outcome rest = l.place.run(words);
  INFO(rest.err);
  REQUIRE(rest.status == 0);
  CHECK(count_of(json_of(rest), "unchanged") >= before);
  CHECK(written() == repositories * tags);
  const auto writes = [&] {
    std::size_t count = 0;
    const std::string log = l.to.log();
    for (const std::string method : {"POST", "PUT", "PATCH", "GET"}) {
      const std::string mark = "http.request.method=" + method;
      for (std::size_t at = log.find(mark); at != std::string::npos; at = log.find(mark, at + 1)) ++count;
    }
    return count;
  };
  const std::size_t until_now = writes();
  REQUIRE(until_now > repositories * tags);
  const outcome again = l.place.run(words);
  REQUIRE(again.status == 0);
  CHECK(count_of(json_of(again), "unchanged") == repositories * tags);
  CHECK(writes() == until_now);
  CHECK(l.raw_target("app3:250") ==
        run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + source.host() + "/app3:250"}}));
}

TEST_CASE("the memory of a sync is the same for one image as for many large ones", "[integration]") {
  if (keeps_freed_memory()) return;  // it would be measured, not the program
  const listed l;
  registry_options plain;
  plain.storage = l.directory / "large";
  const docker_registry source(l.directory / "source", std::move(plain));
  constexpr unsigned count = 5;
  constexpr std::size_t layer = 24'000'000;
  const auto list = [&](unsigned from, unsigned until) {
    std::string text = "[";
    for (unsigned i = from; i < until; ++i)
      text += (i == from ? "" : ",") + std::string("{\"source\": \"") + source.host() + "/app" + std::to_string(i) + ":1\"}";
    std::ofstream(l.place / "images.json") << text << "]";
  };
  for (unsigned i = 0; i < count; ++i) {
    image_recipe recipe;
    recipe.layers = {i == 0 ? 2'000 : layer};
    recipe.seed = i + 1;
    push(source.port(), "app" + std::to_string(i), "1", build_image(recipe));
  }
  const std::vector<std::string> words{
      "sync", "images.json", "--to", l.to.host() + "/mirror", "--ca-cert", l.to.certificates().authority.string(), "--json"};
  list(0, 1);
  const outcome small = l.place.run(words);
  REQUIRE(small.status == 0);
  list(1, count);
  const outcome large = l.place.run(words);
  INFO(large.err);
  REQUIRE(large.status == 0);
  CHECK(json_of(large).at("bytes_uploaded").to_number<std::uint64_t>() > (count - 1) * layer);
  // 96 MB went through; less than one layer of them was ever held at once.
  const long grown = large.max_rss_kib - small.max_rss_kib;
  INFO(small.max_rss_kib << " KiB, " << large.max_rss_kib << " KiB");
  CHECK(grown < static_cast<long>(layer / 1024));
}
