#include "integration/served.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/image_builder.hpp"
#include "support/small_disk.hpp"
#include "support/socket.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// The pull fails with \p status, says every one of \p words, shows no secrets, and leaves nothing behind.
void check_refused(const workplace& place, const outcome& result, int status, const std::vector<std::string>& words) {
  INFO("standard error: " << result.err);
  CHECK(result.status == status);
  CHECK(result.out == "");
  CHECK(result.err.starts_with("gantry: "));
  for (const std::string& word : words) {
    INFO("wanted: " << word);
    CHECK(result.err.find(word) != std::string::npos);
  }
  CHECK(result.err.find("wrong-secret") == std::string::npos);
  CHECK(place.files().empty());
  CHECK(store_problems(place.store()) == "");
}

}  // namespace

TEST_CASE("malformed references are refused with the reference and exit code 2", "[integration]") {
  const workplace place;
  for (const std::string reference : {"team/UPPER:1", "name:tag:tag", "name@sha256:123", "host:port/name", "-/name", "name:"}) {
    INFO(reference);
    check_refused(place, place.run({"pull", "--", reference}), 2, {reference});
  }
}

TEST_CASE("an unknown tag and an unknown repository are not found", "[integration]") {
  served s;
  check_refused(s.place, s.place.run({"pull", s.image("multi:2.0")}), 4, {"multi", "2.0"});
  check_refused(s.place, s.place.run({"pull", s.image("nothing:1.0")}), 4, {"nothing"});
  check_refused(s.place, s.place.run({"pull", s.image("multi@sha256:" + std::string(64, '0'))}), 4, {"multi", "000000000000"});
}

TEST_CASE("an unknown platform is answered with the list of what there is", "[integration]") {
  served s;
  check_refused(s.place, s.place.run({"pull", "--platform", "linux/s390x", s.image("multi:1.0")}), 4,
                {"linux/s390x", "linux/amd64", "linux/arm64", "linux/arm/v7"});
  const outcome result = s.place.run({"pull", "--platform", "windows", s.image("multi:1.0")});
  CHECK(result.status == 4);
  CHECK(result.err.find("unknown/unknown") == std::string::npos);
  check_refused(s.place, s.place.run({"pull", "--platform", "linux/amd64/v1/more", s.image("multi:1.0")}), 2, {"linux/amd64/v1/more"});
}

TEST_CASE("a wrong password and a missing one are not authorised", "[integration]") {
  served s({shelf(), "jane", "right"});
  command wrong = s.place.gantry({"pull", "-u", "jane", "--password-stdin", s.image("multi:1.0")});
  wrong.input = "wrong-secret\n";
  check_refused(s.place, run(wrong), 3, {s.registry.host()});
  check_refused(s.place, s.place.run({"pull", s.image("multi:1.0")}), 3, {s.registry.host()});
}

TEST_CASE("a refused connection names the address", "[integration]") {
  const workplace place;
  const std::string host = "127.0.0.1:" + std::to_string(unused_port());
  check_refused(place, run(place.gantry({"pull", host + "/team/multi:1.0"}), std::chrono::seconds(60)), 1, {host, "refused"});
}

TEST_CASE("an unknown host is named", "[integration]") {
  const workplace place;
  check_refused(place, run(place.gantry({"pull", "no-such-host.invalid/team/multi:1.0"}), std::chrono::seconds(60)), 1,
                {"no-such-host.invalid"});
}

TEST_CASE("a registry without TLS that is not on loopback says which option it takes", "[integration]") {
  served s;
  // 0.0.0.0 leads to this machine and is not a loopback address, so that plain http is not tried on its own.
  const std::string host = "0.0.0.0:" + std::to_string(s.registry.port());
  check_refused(s.place, run(s.place.gantry({"pull", host + "/team/multi:1.0"}), std::chrono::seconds(60)), 1, {"0.0.0.0", "--plain-http"});
}

TEST_CASE("an artifact that is not an image is refused for docker and taken for oci", "[integration]") {
  served s;
  check_refused(s.place, s.place.run({"pull", s.image("artifact:1.0")}), 1, {"not", "image", "-f oci"});
  const outcome taken = s.place.run({"pull", "-f", "oci", "-o", "note.tar", s.image("artifact:1.0")});
  INFO(taken.err);
  CHECK(taken.ok());
}

TEST_CASE("an artifact is refused for docker before anything of it is fetched", "[integration]") {
  fake_registry registry;
  registry.hold("team/note", "1.0", build_artifact());
  const workplace place;
  check_refused(place, place.run({"pull", registry.host() + "/team/note:1.0"}), 1, {"not", "image", "-f oci"});
  CHECK(registry.count("/manifests/") > 0);
  CHECK(registry.count("/blobs/") == 0);
}

TEST_CASE("a blob with the wrong content is an integrity error and is not kept", "[integration]") {
  fake_registry registry;
  const test_image image = build_image({});
  registry.hold("team/app", "1.0", image);
  registry.inject(image.layers[1].digest, wrong_byte_at(1000), 1, 0);
  const workplace place;
  check_refused(place, place.run({"pull", registry.host() + "/team/app:1.0"}), 5, {image.layers[1].digest.substr(7, 12)});
}

TEST_CASE("an output that cannot be written is refused before anything is fetched", "[integration]") {
  fake_registry registry;
  const test_image image = build_image({});
  registry.hold("team/app", "1.0", image);
  const std::string name = registry.host() + "/team/app:1.0";
  const workplace place;
  const outcome missing = place.run({"pull", "-o", "no/such/place.tar", name});
  INFO(missing.err);
  CHECK(missing.status == 7);
  CHECK(missing.err.find("no/such") != std::string::npos);

  // Also root cannot write below /proc.
  const outcome refused = place.run({"pull", "-o", "/proc/image.tar", name});
  INFO(refused.err);
  CHECK((refused.status == 4 || refused.status == 7));
  CHECK(refused.err.find("/proc") != std::string::npos);
  CHECK(registry.count(image.layers[0].digest) == 0);
  CHECK(registry.count(image.layers[1].digest) == 0);
  CHECK(place.files().empty());
}

TEST_CASE("two outputs under one name, and one that has no directory, are refused before the network", "[integration]") {
  fake_registry registry;
  registry.hold("team/app", "1.0", build_image({}));
  const std::string name = registry.host() + "/team/app:1.0";
  const workplace place;
  const auto refused = [&](std::vector<std::string> words, int status, const std::string& why) {
    words.insert(words.begin(), {"pull", name});
    const outcome done = place.run(words);
    INFO(done.err);
    CHECK(done.status == status);
    CHECK(done.err.find(why) != std::string::npos);
    CHECK(done.out.empty());
  };
  refused({"-o", "same.tar", "--report", "./same.tar"}, 2, "the archive and --report would both be ./same.tar");
  refused({"-o", "same.tar", "--digestfile", "same.tar"}, 2, "the archive and --digestfile would both be same.tar");
  refused({"-o", "same.tar", "--digestfile", "d", "--report", "d"}, 2, "--digestfile and --report would both be d");
  refused({"--log-file", "x", "--report", "x"}, 2, "--log-file and --report would both be x");
  refused({"-o", "same.tar", "--report", "none/x.html"}, 7, "cannot write none/x.html: the directory none does not exist");
  refused({"-o", "same.tar", "--digestfile", "none/d"}, 7, "cannot write none/d: the directory none does not exist");
  refused({"-o", "same.tar", "--log-file", "none/l"}, 7, "cannot write none/l: the directory none does not exist; create it first");
  refused({"-o", "none/same.tar"}, 7, "cannot write none/same.tar: the directory none does not exist; create it first");
  CHECK(registry.requests().empty());
  CHECK(place.files().empty());

  // A directory that the run makes takes what belongs to the run.
  const outcome inside = place.run({"pull", name, "-o", "new/", "--digestfile", "new/digests", "--report", "new/report.html"});
  INFO(inside.err);
  CHECK(inside.ok());
  CHECK(std::filesystem::exists(place / "new/digests"));
  CHECK(std::filesystem::exists(place / "new/report.html"));
  registry.forget_requests();

  const outcome same = place.run({"pull", name, "-o", "x.log", "--log-file", "x.log"});
  INFO(same.err);
  CHECK(same.status == 2);
  CHECK(same.err.find("the archive and --log-file would both be x.log") != std::string::npos);
  const outcome mode = place.run({}, {{"IMAGE_REF", name}, {"GANTRY_OUTPUT", "a.tar.gz"}, {"GANTRY_REPORT", "./a.tar.gz"}});
  INFO(mode.err);
  CHECK(mode.status == 2);
  CHECK(mode.err.find("would both be ./a.tar.gz") != std::string::npos);
  std::ofstream(place / "list.json") << R"([{"source": ")" + name + R"(", "target": "x", "tags": ["1"]}])";
  const outcome list = place.run({"sync", "list.json", "--to", registry.host(), "--report", "list.lock.json"});
  INFO(list.err);
  CHECK(list.status == 2);
  CHECK(list.err.find("--lock and --report would both be list.lock.json") != std::string::npos);
  CHECK(registry.requests().empty());
}

TEST_CASE("each line of the log file is a sentence of its own", "[integration]") {
  fake_registry registry;
  registry.hold("team/app", "1.0", build_image({}));
  const workplace place;
  REQUIRE(place.run({"pull", registry.host() + "/team/app:1.0", "-o", "x.tar", "--log-file", "log"}).ok());
  std::ifstream log(place / "log");
  int of_the_cache = 0;
  for (std::string line; std::getline(log, line);) {
    INFO(line);
    CHECK_FALSE(line.ends_with(' '));
    if (line.find(" INFO    cache: 0/") != std::string::npos) ++of_the_cache;
    CHECK((line.find("cache: ") == std::string::npos || line.find(" received") == std::string::npos));
  }
  CHECK(of_the_cache == 1);
}

TEST_CASE("what is no file is no output, and that is said in one sentence", "[integration]") {
  const workplace place;
  write_layout(place / "layout", "1", build_image({}));
  REQUIRE(place.run({"extract", "layout", "local.example/app:1"}).ok());
  REQUIRE(::mkfifo((place / "fifo").c_str(), 0600) == 0);
  fs::create_directory(place / "directory");
  const std::vector<std::vector<std::string>> commands{
      {"convert", "layout"}, {"save", "local.example/app:1"}, {"pull", "--offline", "local.example/app:1"}};
  const auto refused = [&](std::vector<std::string> words, const std::string& where, const std::string& why) {
    words.insert(words.end(), {"-o", where});
    const outcome result = place.run(words);
    INFO(where << "\n" << result.err);
    CHECK(result.status == 2);
    CHECK_THAT(result.err, Catch::Contains("cannot write " + where + ": " + why));
  };
  for (const std::vector<std::string>& words : commands) {
    CAPTURE(words.front());
    for (const char* format : {"docker", "synology"}) {
      std::vector<std::string> formatted = words;
      formatted.insert(formatted.end(), {"-f", format});
      refused(formatted, "fifo", "it is a pipe, and an archive takes the place of a file; use -o -");
      refused(formatted, "/dev/stderr", "it is a pipe, and an archive takes the place of a file; use -o -");
      refused(formatted, "/dev/null", "it is a device, and an archive takes the place of a file; use -o -");
    }
    std::vector<std::string> as_directory = words;
    as_directory.insert(as_directory.end(), {"-f", "oci-dir"});
    refused(as_directory, "fifo", "a file of that name is there; an OCI layout is a directory");
    refused(as_directory, "/dev/stderr", "a file of that name is there; an OCI layout is a directory");

    std::vector<std::string> streamed = words;
    streamed.insert(streamed.end(), {"-o", "-"});
    std::vector<std::string> by_path = words;
    by_path.insert(by_path.end(), {"-o", "/dev/stdout"});
    const outcome dash = place.run(streamed);
    const outcome device = place.run(by_path);
    INFO(device.err);
    CHECK(device.ok());
    CHECK_FALSE(dash.out.empty());
    CHECK(device.out == dash.out);
  }
  refused({"convert", "layout"}, "directory", "it is a directory; name a file in it");
  refused({"convert", "layout"}, "//dev/stdout",
          "it is a pipe, and an archive takes the place of a file; use -o -, which writes to standard output");
  CHECK(fs::is_fifo(place / "fifo"));
  // A directory takes archives under their own names.
  CHECK(place.run({"save", "local.example/app:1", "-o", "directory"}).ok());
  CHECK(place.files().contains("directory"));
}

TEST_CASE("a directory that may not be written is refused", "[integration]") {
  fake_registry registry;
  registry.hold("team/app", "1.0", build_image({}));
  const workplace place;
  fs::create_directory(place / "closed");
  fs::permissions(place / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  command pull = place.gantry({"pull", "-o", "closed/image.tar", registry.host() + "/team/app:1.0"});
  // Without these root keeps to permissions like anybody.
  if (::geteuid() == 0) pull.argv.insert(pull.argv.begin(), {"setpriv", "--bounding-set", "-dac_override,-dac_read_search"});
  const outcome result = run(pull);
  INFO(result.err);
  CHECK(result.status == 7);
  CHECK(fs::is_empty(place / "closed"));
}

TEST_CASE("a full disk below the output is said before the first byte and leaves nothing", "[integration]") {
  const small_disk disk("1m");
  if (!disk.usable()) {
    WARN("skipped: no file system can be mounted here");
    return;
  }
  served s;
  const outcome result = s.place.run({"pull", "-o", (disk.path() / "image.tar").string(), s.image("multi:1.0")});
  check_refused(s.place, result, 7, {disk.path().string()});
  CHECK(fs::is_empty(disk.path()));
}

TEST_CASE("a full disk below the store is a storage error, and more space lets the pull go on", "[integration]") {
  const small_disk disk("2m");
  if (!disk.usable()) {
    WARN("skipped: no file system can be mounted here");
    return;
  }
  served s;
  const fs::path store = disk.path() / "store";
  const std::vector<std::string> words{"pull", "--cache-dir", store.string(), "-o", "image.tar", s.image("multi:1.0")};
  check_refused(s.place, s.place.run(words), 7, {disk.path().string()});
  CHECK(store_problems(store, true) == "");

  REQUIRE(::mount("none", disk.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0);
  const outcome again = s.place.run(words);
  INFO(again.err);
  CHECK(again.ok());
  CHECK(store_problems(store) == "");
}

TEST_CASE("a store that is a file is refused", "[integration]") {
  served s;
  spill(s.directory / "file", "x");
  check_refused(s.place, s.place.run({"pull", "--cache-dir", (s.directory / "file").string(), s.image("multi:1.0")}), 7,
                {(s.directory / "file").string()});
}

TEST_CASE("words that mean nothing are refused with exit code 2", "[integration]") {
  const workplace place;
  CHECK(place.run({"frobnicate"}).status == 2);
  CHECK(place.run({"pull"}).status == 2);
  CHECK(place.run({"pull", "--no-such-option", "nginx"}).status == 2);
  CHECK(place.run({"pull", "-j", "0", "nginx"}).status == 2);
  CHECK(place.run({"pull", "-f", "zip", "nginx"}).status == 2);
  CHECK(place.files().empty());
}

TEST_CASE("a password in the name of an image is not repeated, wherever the name is given", "[integration]") {
  const workplace place;
  spill(place / "sync.json", R"([{"source":"jane:geheim@quay.io/x","target":"x"}])");
  spill(place / "target.json", R"([{"source":"quay.io/x","target":"jane:geheim@a.test/x"}])");
  spill(place / "list.txt", "https://jane:geheim@quay.io/x\n");
  spill(place / "home/.config/docker/daemon.json", R"({"registry-mirrors":["jane:geheim@m.test"]})");
  std::vector<std::vector<std::string>> rows{{"sync", "sync.json", "--to", "b.test"}, {"sync", "target.json", "--to", "b.test"}};
  rows.push_back({"pull", "--from", "list.txt"});
  rows.push_back({"digest", "nginx", "--retries", "0"});
  for (const std::string name : {"https://jane:geheim@quay.io/x", "HTTPS://jane:geheim@quay.io/x:1", "docker://jane:geheim@quay.io/x",
                                 "jane:geheim@quay.io/x", "https://jane:ge/heim@quay.io/x", "jane:geheim@localhost:5000/x@sha256:12"}) {
    for (const std::string command : {"pull", "digest", "tags", "explain", "save", "delete", "inspect", "bench", "clean"}) {
      rows.push_back({command, name, "--no-host-config"});
    }
    rows.push_back({"copy", name, "a.test/x", "--no-host-config"});
    rows.push_back({"copy", "a.test/x", name, "--no-host-config"});
    rows.push_back({"push", name, name, "--no-host-config"});
    rows.push_back({"pull", "a.test/x", "--name", name, "--no-host-config"});
  }
  for (const std::vector<std::string>& words : rows) {
    const outcome refused = place.run(words);
    INFO(words.front() << " " << words[1] << ": " << refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("geheim") == std::string::npos);
    CHECK(refused.err.find("heim@") == std::string::npos);
    CHECK(refused.out.find("heim") == std::string::npos);
  }
  const outcome environment = place.run({}, {{"IMAGE_REF", "https://jane:geheim@quay.io/x"}});
  CHECK(environment.status == 2);
  CHECK(environment.err.find("geheim") == std::string::npos);
}
