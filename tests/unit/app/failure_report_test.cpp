#include "failure_report.hpp"

#include "support/catch.hpp"

#include <csignal>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

TEST_CASE("an engine's sentence, the registry's words and a hint are kept apart") {
  const auto report = report_failure(make_error_code(errc::unauthorized), diagnostics("a needs access", "denied"), {}, "a");
  CHECK(report.exit_code == 3);
  CHECK(report.message == "a needs access");
  CHECK(report.server_message == "denied");
  CHECK(report.hint.find("gantry login") != std::string::npos);
}

TEST_CASE("who gave wrong credentials is not told to give some") {
  const auto hint = [](const char* message) {
    return report_failure(make_error_code(errc::unauthorized), diagnostics(message), {}, "a").hint;
  };
  const std::string given = hint("localhost:5000 does not accept the credentials, sent as me (credentials: command line)");
  CHECK(given == "check the user name and the password that were given; a token may have expired");
  CHECK(hint("localhost:5000 does not accept the credentials, sent as me (credentials: /h/config.json)") ==
        "log in anew with 'gantry login localhost:5000', or give -u USER --password-stdin");
  CHECK(hint("localhost:5000 asks for a user name and a password, and none are known") ==
        "log in with 'gantry login localhost:5000', or give -u USER --password-stdin");
}

TEST_CASE("who has a part of an image is told how to push that part, and how to get the rest") {
  const auto hint = [](const char* message) {
    return report_failure(make_error_code(errc::not_found), diagnostics(message), {}, "x").hint;
  };
  CHECK(hint("only linux/amd64 of a.test/app:1 is at hand, and an index goes as a whole") ==
        "--platform linux/amd64 pushes what is there; 'gantry pull --all-platforms --store-only a.test/app:1' fetches the rest");
  CHECK(hint("only linux/amd64, linux/arm/v7 of sha256:abc is at hand, and an index goes as a whole") ==
        "--platform linux/amd64,linux/arm/v7 pushes what is there");
  CHECK(hint("only this is not there").empty());
}

TEST_CASE("who may not make the store is told of other places") {
  const diagnostics text("cannot create the directory /nonexistent: Permission denied");
  const auto report = report_failure(make_error_code(errc::access_denied), text, {}, "x");
  CHECK(report.exit_code == 7);
  for (const char* const way : {"--cache-dir", "--no-cache", "GANTRY_CACHE_DIR"}) CHECK(report.hint.find(way) != std::string::npos);
  const diagnostics elsewhere(
      "the layer store /proc/x/store cannot be made: cannot create the directory /proc/x: No such file or directory");
  const auto missing = report_failure(make_error_code(errc::storage_error), elsewhere, {}, "x");
  CHECK(missing.exit_code == 7);
  CHECK(missing.hint == report.hint);
  const diagnostics homeless("there is no place for the store: HOME is not set; GANTRY_CACHE_DIR may name one");
  CHECK(report_failure(make_error_code(errc::invalid_option), homeless, {}, "x").hint == report.hint);
}

TEST_CASE("a message that gives the advice itself gets no hint") {
  CHECK(
      report_failure(make_error_code(errc::tls_expected), diagnostics("x answers in clear text; use --plain-http"), {}, "x").hint.empty());
  CHECK_FALSE(report_failure(make_error_code(errc::tls_expected), diagnostics("x answers in clear text"), {}, "x").hint.empty());
}

TEST_CASE("a host that cannot be found may be one that only a proxy knows") {
  const auto hint = [](const char* message) {
    return report_failure(make_error_code(errc::name_not_resolved), diagnostics(message), {}, "x").hint;
  };
  CHECK(hint("the host a.test cannot be found: Name or service not known") ==
        "check the registry's spelling and the network; where only a proxy knows other hosts, --proxy URL or HTTPS_PROXY names it");
  CHECK(hint("the proxy http://p.test:3128 cannot be used: the host p.test cannot be found: Name or service not known").empty());
}

TEST_CASE("an error without text still names its object") {
  const auto report = report_failure(make_error_code(errc::connection_lost), diagnostics(), {}, "nginx:1");
  CHECK(report.message == "nginx:1: connection lost");
  CHECK(report.hint.find("again") != std::string::npos);
}

TEST_CASE("stops carry the exit code of their cause and say how to go on") {
  stop_cause cause;
  cause.signal = SIGINT;
  CHECK(report_failure(make_error_code(errc::cancelled), {}, cause, "x").exit_code == 130);
  cause.signal = SIGTERM;
  const auto report = report_failure(make_error_code(errc::cancelled), {}, cause, "x");
  CHECK(report.exit_code == 143);
  CHECK(report.hint.find("run the same command again") == 0);
  cause = {};
  cause.timed_out = 90s;
  const auto late = report_failure(make_error_code(errc::cancelled), {}, cause, "x");
  CHECK(late.exit_code == 1);
  CHECK(late.message.find("--timeout") != std::string::npos);
  cause.last_trouble = "nobody answers";
  CHECK(report_failure(make_error_code(errc::cancelled), {}, cause, "x").message.find("nobody answers") != std::string::npos);
}

TEST_CASE("a command with two ends names the options of the end that refused") {
  stop_cause cause;
  cause.account = "--dest-creds USER:PASSWORD";
  const auto report = report_failure(make_error_code(errc::unauthorized), diagnostics("b does not accept it"), cause, "a");
  CHECK(report.hint.find("--dest-creds") != std::string::npos);
  CHECK(report.hint.find("-u USER") == std::string::npos);
}

TEST_CASE("only what has come, gone or been there is content that the next run goes on with") {
  error_code ec;
  const digest blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  transfer_progress moved;
  CHECK_FALSE(tells_of_content(moved));
  moved.received = 1;
  CHECK(tells_of_content(moved));
  CHECK_FALSE(tells_of_content(transfer_planned{1, 20, 0, 0}));
  CHECK(tells_of_content(transfer_planned{1, 20, 1, 20}));
  CHECK_FALSE(tells_of_content(blob_started{blob, 20, 0}));
  CHECK(tells_of_content(blob_started{blob, 20, 5}));
  CHECK_FALSE(tells_of_content(image_resolved()));
  CHECK_FALSE(tells_of_content(retry_scheduled()));
  CHECK(tells_of_content(blob_finished{blob, 20}));
}

TEST_CASE("nobody is told to go on where nothing is kept") {
  stop_cause cause;
  cause.signal = SIGINT;
  cause.kept = false;
  CHECK(report_failure(make_error_code(errc::cancelled), {}, cause, "x").hint.empty());
  CHECK(report_failure(make_error_code(errc::connection_lost), {}, cause, "x").hint.empty());
  CHECK_FALSE(report_failure(make_error_code(errc::unauthorized), {}, cause, "x").hint.empty());
}

TEST_CASE("where tags are not deleted, the command that deletes the digest is told") {
  const auto hint = [](const std::string& object) {
    return report_failure(make_error_code(errc::unexpected_status),
                          diagnostics("localhost:5000 does not delete by tag; delete the digest, which removes every tag that names it"),
                          {}, object)
        .hint;
  };
  CHECK(hint("localhost:5000/team/app:1.0")
            .starts_with("'gantry delete localhost:5000/team/app@$(gantry digest localhost:5000/team/app:1.0)' deletes"));
  CHECK(report_failure(make_error_code(errc::unexpected_status), diagnostics("HTTP 418"), {}, "a/b:1").hint.empty());
}

TEST_CASE("a platform that is written otherwise is told as it is there") {
  const auto hint = [](const std::string& message) {
    return report_failure(make_error_code(errc::platform_not_found), diagnostics(message), {}, "nginx").hint;
  };
  CHECK(hint("nginx has no image for linux/armv7; there is linux/amd64, linux/arm/v7, linux/arm64/v8") == "did you mean 'linux/arm/v7'?");
  CHECK(hint("nginx has no image for linux/s390x; there is linux/amd64").empty());
  CHECK(hint("nginx has no image for linux/s390x; it names none").empty());
}
