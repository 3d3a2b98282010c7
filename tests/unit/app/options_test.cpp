#include "options.hpp"

#include "manual/help_page.hpp"
#include "support/catch.hpp"

#include <string>
#include <variant>
#include <vector>

using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

pull_arguments parsed(std::vector<std::string> words) {
  auto outcome = parse_pull(std::move(words));
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<pull_arguments>(*outcome));
  return std::get<pull_arguments>(*outcome);
}

problem refused(std::vector<std::string> words) {
  auto outcome = parse_pull(std::move(words));
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == exit_code::usage);
  return outcome.error();
}

std::vector<std::string> platforms(const pull_arguments& arguments) {
  std::vector<std::string> list;
  for (const auto& value : arguments.platforms) list.push_back(to_string(value));
  return list;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("defaults stand when only an image is named") {
  const auto arguments = parsed({"nginx:1.25"});
  CHECK(arguments.images == strings{"nginx:1.25"});
  CHECK(arguments.platforms.empty());
  CHECK_FALSE(arguments.all_platforms);
  CHECK(arguments.format == gantry::archive_format::docker);
  CHECK_FALSE(arguments.gzip);
  CHECK(arguments.common.jobs == 0);
  CHECK(arguments.common.retries == 5);
  CHECK(arguments.common.sync);
  CHECK_FALSE(arguments.common.timeout);
  CHECK(arguments.common.progress == progress_mode::automatic);
}

TEST_CASE("every spelling of --jobs is the same option") {
  for (const std::string name : {"-j", "--jobs", "--workers", "--max-concurrent", "--max-concurrent-downloads"}) {
    CHECK(parsed({name, "8", "nginx"}).common.jobs == 8);
    CHECK(parsed({name, "auto", "nginx"}).common.jobs == 0);
    CHECK(refused({name, "0", "nginx"}).message == "--jobs takes 'auto' or a number from 1 to 256, not '0'");
    CHECK(refused({name, "many", "nginx"}).message.find("'many'") != std::string::npos);
  }
  CHECK(parsed({"-j8", "nginx"}).common.jobs == 8);
  CHECK(parsed({"nginx", "--jobs=8"}).common.jobs == 8);
}

TEST_CASE("every alias stores what its option stores") {
  CHECK(platforms(parsed({"-a", "arm64", "x"})) == strings{"linux/arm64"});
  CHECK(platforms(parsed({"--arch", "arm/v7", "x"})) == strings{"linux/arm/v7"});
  CHECK(platforms(parsed({"--arch", "x86_64", "x"})) == strings{"linux/amd64"});
  CHECK(platforms(parsed({"--arch", "linux/arm/v6", "x"})) == strings{"linux/arm/v6"});
  CHECK(platforms(parsed({"--platform", "linux/amd64,linux/arm64,linux/amd64", "x"})) == strings{"linux/amd64", "linux/arm64"});
  CHECK(parsed({"--all-platforms", "x"}).all_platforms);
  CHECK(parsed({"-r", "quay.io", "x"}).registry == "quay.io");
  CHECK(parsed({"--registry", "https://quay.io", "x"}).registry == "https://quay.io");
  CHECK(parsed({"--repository", "a/b", "-t", "1"}).tag_or_digest == "1");
  CHECK(parsed({"--repository", "a/b", "--reference", "1"}).repository == "a/b");
  CHECK(parsed({"--from", "-"}).from == "-");
  CHECK(parsed({"-u", "me", "-p", "word", "x"}).common.password == "word");
  CHECK(parsed({"--username", "me", "--password", "-dash", "x"}).common.password == "-dash");
  CHECK(parsed({"-u", "me", "--password-stdin", "x"}).common.password_stdin);
  CHECK(parsed({"--authfile", "a.json", "x"}).common.authfile == "a.json");
  CHECK(parsed({"--cache-dir", "/c", "x"}).common.cache_dir == "/c");
  CHECK_FALSE(parsed({"--no-sync", "x"}).common.sync);
  CHECK(parsed({"--ca-cert", "ca.pem", "x"}).common.ca_cert == "ca.pem");
  CHECK(parsed({"--retries", "0", "x"}).common.retries == 0);
  CHECK(parsed({"--retry-attempts", "9", "x"}).common.retries == 9);
  CHECK(parsed({"--timeout", "1h30m", "x"}).common.timeout == 90min);
  CHECK(parsed({"--timeout", "90", "x"}).common.timeout == 90s);
  CHECK(parsed({"--limit-rate", "10M", "x"}).common.limit_rate == 10 << 20);
  CHECK(parsed({"--max-per-host", "3", "x"}).common.max_per_host == 3);
  CHECK(parsed({"--progress", "json", "x"}).common.progress == progress_mode::json);
  CHECK(parsed({"--digestfile", "d", "x"}).digestfile == "d");
  CHECK(parsed({"-q", "x"}).common.quiet);
  CHECK(parsed({"-v", "x"}).common.verbose);
  CHECK(parsed({"--debug", "x"}).common.debug);
  CHECK(parsed({"--log-file", "l", "x"}).common.log_file == "l");
  CHECK(parsed({"--json", "x"}).common.json);
  CHECK(parsed({"-o", "-", "x"}).output == "-");
  CHECK(parsed({"--output", "a.tar", "x"}).output == "a.tar");
  CHECK(parsed({"-f", "oci", "x"}).format == gantry::archive_format::oci);
  CHECK(parsed({"--format", "docker", "x"}).format == gantry::archive_format::docker);
  CHECK(parsed({"--gzip", "x"}).gzip);
  CHECK(parsed({"--store-only", "x"}).store_only);
}

TEST_CASE("the flags --insecure and --plain-http take an optional host and never an image name") {
  auto arguments = parsed({"--insecure", "nginx"});
  CHECK(arguments.common.insecure == strings{named_registry});
  CHECK(arguments.images == strings{"nginx"});
  arguments = parsed({"--skip-tls=a.example", "--insecure=b.example:5000", "--plain-http=c.example", "nginx"});
  CHECK(arguments.common.insecure == strings{"a.example", "b.example:5000"});
  CHECK(arguments.common.plain_http == strings{"c.example"});
  CHECK(parsed({"--skip-tls", "nginx"}).common.insecure == strings{named_registry});
  CHECK(parsed({"--plain-http", "nginx"}).common.plain_http == strings{named_registry});
}

TEST_CASE("a part of an image in the format synology is refused with what to do instead") {
  const problem what = refused({"nginx", "-f", "synology", "--have", "list"});
  CHECK(what.code == exit_code::usage);
  CHECK(what.hint.find("-f docker") != std::string::npos);
}

TEST_CASE("an unknown option is refused with the nearest known one, and without its value") {
  auto what = refused({"--plattform", "linux/amd64", "nginx"});
  CHECK(what.message == "unknown option '--plattform'");
  CHECK(what.hint == "did you mean '--platform'?");
  what = refused({"--pasword=secret", "nginx"});
  CHECK(what.message == "unknown option '--pasword'");
  CHECK(what.hint == "did you mean '--password'?");
  what = refused({"-xsecret", "nginx"});
  CHECK(what.message == "unknown option '-x'");
  CHECK(refused({"--wonders", "nginx"}).message == "unknown option '--wonders'");
}

TEST_CASE("what the parser of options says about values is said in plain words") {
  CHECK(refused({"nginx", "-j"}).message == "--jobs needs a value: N|auto");
  CHECK(refused({"nginx", "--cache-dir="}).message == "--cache-dir needs a value: DIR");
  CHECK(refused({"nginx", "-o", "a", "-o", "b"}).message == "--output is given more than once, and takes one value");
  CHECK(refused({"nginx", "--no-sync=x"}).message == "--no-sync takes no value");
  CHECK(refused({"nginx", "-j"}).hint == "see 'gantry pull --help'");
}

TEST_CASE("contradictions are refused in one sentence") {
  CHECK(refused({}).message == "no image is named");
  CHECK(refused({"nginx", "--repository", "a"}).message == "image names, --repository and --from exclude each other");
  CHECK(refused({"nginx", "-t", "1"}).message == "--reference needs --repository");
  CHECK(refused({"-r", "h.test", "team/app", "-t", "1.0"}).hint == "behind a name it is written as part of it: team/app:1.0");
  CHECK(refused({"a", "b", "-t", "1.0"}).hint.find("NAME:1.0") != std::string::npos);
  CHECK(refused({"nginx", "-a", "arm64", "--platform", "linux/amd64"}).message ==
        "--platform, --arch and --all-platforms exclude each other");
  CHECK(refused({"nginx", "--all-platforms", "--platform", "linux/amd64"}).message.find("exclude") != std::string::npos);
  CHECK(refused({"nginx", "--store-only", "-o", "x.tar"}).message.find("--store-only") == 0);
  CHECK(refused({"nginx", "--store-only", "--no-cache"}).message.find("--no-cache") == 0);
  CHECK(refused({"nginx", "--cache-dir", "x", "--no-cache"}).message == "--no-cache and --cache-dir exclude each other");
  CHECK(refused({"nginx", "--json", "-o", "-"}).message == "--json and '-o -' both want standard output");
  CHECK(refused({"--from", "-", "-u", "me", "--password-stdin"}).message.find("standard input") != std::string::npos);
  CHECK(refused({"nginx", "-u", "me"}).message == "--username needs a password");
  CHECK(refused({"nginx", "-u", "me"}).hint == "--password-stdin reads it from standard input, -p gives it");
  CHECK(refused({"nginx", "-p", "word"}).message == "a password needs a user name");
  CHECK(refused({"nginx", "-u", "me", "-p", "word", "--password-stdin"}).message == "--password and --password-stdin exclude each other");
  CHECK(refused({"nginx", "--progress", "fancy"}).message == "--progress takes auto, bar, plain, json or none, not 'fancy'");
  CHECK(refused({"nginx", "--timeout", "soon"}).message.find("--timeout") == 0);
  CHECK(refused({"nginx", "--platform", "linux/"}).message == "'linux/' is not a platform");
  CHECK(refused({"nginx", "-q", "--debug"}).message.find("--quiet") == 0);
  refused({"nginx", "--output"});
}

TEST_CASE("the help of save speaks of save") {
  const auto parsed = parse_save({"--help"});
  REQUIRE(parsed.has_value());
  std::string text;
  for (const option_row& row : std::get<help_text>(*parsed).options) text += row.description + "\n";
  CHECK(text.find("this machine's architecture") == std::string::npos);
  CHECK(text.find("one named archive per image") == std::string::npos);
  CHECK(text.find("default every platform that is held") != std::string::npos);
}

TEST_CASE("help lists the options and is no error") {
  auto outcome = parse_pull({"--help"});
  REQUIRE(outcome.has_value());
  REQUIRE(std::holds_alternative<help_text>(*outcome));
  const std::string text = help_page(std::get<help_text>(*outcome), 100);
  for (const std::string name :
       {"--jobs", "--platform", "--all-platforms", "--attestations", "--password-stdin", "--plain-http", "--digestfile", "--store-only"}) {
    CHECK(text.find(name) != std::string::npos);
  }
  CHECK(text.find("{") == std::string::npos);
}

TEST_CASE("save and pull say which platforms they take when none is named") {
  const auto page_of = [](const auto& outcome) { return help_page(std::get<help_text>(*outcome), 400); };
  const std::string saved = page_of(parse_save({"--help"}));
  CHECK(saved.find("default every platform that is held") != std::string::npos);
  CHECK(saved.find("default linux") == std::string::npos);
  CHECK(page_of(parse_pull({"--help"})).find("default linux and this machine's architecture") != std::string::npos);
}

TEST_CASE("every format has its word") {
  using gantry::archive_format;
  CHECK(parsed({"-f", "oci", "nginx"}).format == archive_format::oci);
  CHECK(parsed({"-f", "oci-dir", "nginx"}).format == archive_format::oci_dir);
  CHECK(parsed({"--format", "synology", "nginx"}).format == archive_format::synology);
  CHECK(refused({"-f", "tar", "nginx"}).message == "--format takes docker, oci, oci-dir or synology, not 'tar'");
  CHECK(refused({"-f", "oci-dir", "--gzip", "nginx"}).message.find("directory") != std::string::npos);
  CHECK(refused({"-f", "oci-dir", "-o", "nginx.tar.gz", "nginx"}).message.find("directory") != std::string::npos);
  CHECK(refused({"-f", "oci-dir", "-o", "-", "nginx"}).message.find("directory") != std::string::npos);
}

TEST_CASE("a name of one's own is for one image and carries no digest") {
  CHECK(parsed({"--name", "mine:1", "nginx"}).name.string() == "docker.io/library/mine:1");
  CHECK(refused({"--name", "mine:1", "nginx", "alpine"}).message.find("one image") != std::string::npos);
  CHECK(refused({"--name", "mine:1", "--from", "list"}).message.find("one image") != std::string::npos);
  CHECK(refused({"--name", "mine@sha256:" + std::string(64, 'a'), "nginx"}).message.find("digest") != std::string::npos);
  CHECK(refused({"--name", "Mine", "nginx"}).message.find("--name") == 0);
}

TEST_CASE("attestations are kept in every format that has a place for them") {
  CHECK_FALSE(parsed({"nginx"}).attestations);
  for (const char* format : {"docker", "oci", "oci-dir"}) CHECK(parsed({"--attestations", "-f", format, "nginx"}).attestations);
  const auto saved = parse_save({"nginx", "-o", "x.tar", "--attestations"});
  REQUIRE(saved.has_value());
  CHECK(std::get<pull_arguments>(*saved).attestations);
  const problem what = refused({"--attestations", "-f", "synology", "nginx"});
  CHECK(what.code == exit_code::usage);
  CHECK(what.message == "--attestations has no meaning for the format synology, which has no place for them");
  CHECK(parse_save({"nginx", "-o", "x.tar", "--attestations", "-f", "synology"}).error().message == what.message);
  CHECK(refused({"--attestations", "--store-only", "nginx"}).message.find("--store-only") == 0);
}

TEST_CASE("layers are recompressed as gzip only") {
  CHECK(parsed({"--recompress", "gzip", "nginx"}).recompress);
  CHECK(refused({"--recompress", "zstd", "nginx"}).message == "--recompress takes gzip, not 'zstd'");
}

TEST_CASE("an engine to load into takes the place of an output") {
  CHECK(parsed({"--load", "podman", "nginx"}).load == "podman");
  CHECK(refused({"--load", "rkt", "nginx"}).message == "--load takes docker, podman or ctr, not 'rkt'");
  for (const strings& more : {strings{"-o", "x.tar"}, strings{"--gzip"}, strings{"--store-only"}}) {
    strings words{"--load", "docker", "nginx"};
    words.insert(words.end(), more.begin(), more.end());
    CHECK(refused(words).message.find("--load") == 0);
  }
}

TEST_CASE("save is a pull out of the store of everything that is held, into an output") {
  const auto saved = [](strings words) {
    auto outcome = parse_save(std::move(words));
    REQUIRE(outcome.has_value());
    return std::get<pull_arguments>(*outcome);
  };
  const auto all = saved({"nginx:1", "alpine", "-o", "x.tar"});
  CHECK(all.offline);
  CHECK(all.all_platforms);
  CHECK(all.images == strings{"nginx:1", "alpine"});
  const auto one = saved({"nginx:1", "-o", "x.tar", "--platform", "linux/arm64", "-f", "synology"});
  CHECK_FALSE(one.all_platforms);
  CHECK(platforms(one) == strings{"linux/arm64"});
  CHECK(parse_save({"nginx"}).error().message == "save needs an output");
  CHECK(parse_save({"-o", "x.tar"}).error().message == "no image is named");
  CHECK_FALSE(parse_save({"nginx", "-o", "x", "--store-only"}).has_value());
}

TEST_CASE("mirrors may be given several times, each time with one value") {
  const pull_arguments read = parsed({"--mirror", "docker.io=https://one.test", "--mirror", "docker.io=two.test:5000/hub", "nginx"});
  REQUIRE(read.common.mirrors.size() == 2);
  CHECK(read.common.mirrors[0].registry == "docker.io");
  CHECK(read.common.mirrors[0].url == "https://one.test");
  CHECK(read.common.mirrors[1].url == "two.test:5000/hub");
  CHECK(read.images == strings{"nginx"});
  for (const char* wrong : {"docker.io", "docker.io=ftp://x", "docker.io=https://me:geheim@x.test", "docker.io=https://x.test?q=1"}) {
    CHECK(refused({"--mirror", wrong, "nginx"}).message.find("geheim") == std::string::npos);
  }
}

TEST_CASE("a proxy and --no-host-config are taken as they stand") {
  const pull_arguments read = parsed({"--proxy", "socks5://me:secret@host", "--no-host-config", "nginx"});
  CHECK(read.common.proxy == "socks5://me:secret@host");
  CHECK_FALSE(read.common.host_config);
}
