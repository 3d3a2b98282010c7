#include "sync_results.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::app;

namespace {

synced_image image(const char* target, sync_state state) {
  synced_image one;
  error_code ec;
  one.entry = 1;
  one.source = reference::parse("a.test/x:1", ec);
  one.target = reference::parse(target, ec);
  one.state = state;
  if (state == sync_state::failed) {
    one.code = make_error_code(errc::not_found);
    one.message = "gone";
  } else {
    one.top.digest = digest::parse("sha256:" + std::string(64, 'a'), ec);
  }
  return one;
}

}  // namespace

TEST_CASE("what became of a list is told by lines, by a sentence and by the exit status") {
  sync_result result;
  result.images = {image("t.test/x:1", sync_state::copied), image("t.test/x:2", sync_state::failed),
                   image("t.test/x:3", sync_state::unchanged)};
  CHECK(sync_lines(result) == "t.test/x:1 sha256:" + std::string(64, 'a') + "\nt.test/x:3 sha256:" + std::string(64, 'a') + "\n");
  CHECK(sync_lines(result, true) ==
        "t.test/x:1 sha256:" + std::string(64, 'a') + " planned\nt.test/x:3 sha256:" + std::string(64, 'a') + " unchanged\n");
  CHECK(sync_sentence(result, true) == "dry run: 3 tags, 1 planned, 1 unchanged, 1 failed");
  CHECK(sync_sentence(result, false) == "3 tags: 1 copied, 1 unchanged, 1 failed");
  CHECK(sync_status(result, {}) == 6);
  CHECK(sync_failure(result, {})->message == "1 of 3 tags of the list are not written");
  const std::string json = sync_json(result, {}, false);
  CHECK(json.find(R"("name":"t.test/x:2","source":"a.test/x:1","entry":1,"state":"failed","error":"gone")") != std::string::npos);
  CHECK(json.find("server_message") == std::string::npos);
  result.images[1].server_message = "DENIED: quota exceeded";
  CHECK(sync_json(result, {}, false).find(R"("error":"gone","server_message":"DENIED: quota exceeded"})") != std::string::npos);
  result.images[0].source = reference();
  result.images[0].directory = "shelf/one";
  CHECK(sync_json(result, {}, false).find(R"("source":"oci:shelf/one:1")") != std::string::npos);
  result.images.erase(result.images.begin());
  result.images.pop_back();
  CHECK(sync_status(result, {}) == 4);
  result.images = {image("t.test/x:1", sync_state::copied)};
  CHECK(sync_status(result, {}) == 0);
  CHECK_FALSE(sync_failure(result, {}));
  prune_result pruned;
  pruned.kept.push_back({result.images[0].target, {}, "needed"});
  CHECK(sync_status(result, pruned) == 0);
  pruned.kept.push_back({result.images[0].target, make_error_code(errc::forbidden), "refused"});
  CHECK(sync_status(result, pruned) == 6);
  CHECK(sync_failure(result, pruned)->message == "1 of 1 tag that the list does not name is not deleted");
  CHECK(sync_failure(result, pruned)->code == exit_code::partial);
  pruned.kept.back().server_message = "DENIED: immutable";
  CHECK(sync_json(result, pruned, false).find(R"("why":"refused","server_message":"DENIED: immutable"})") != std::string::npos);
  CHECK(sync_json(result, pruned, false).find("stopped") == std::string::npos);
  pruned.stopped = true;
  CHECK(sync_json(result, pruned, false).find(R"(],"stopped":true,"blobs":)") != std::string::npos);
  result.images.push_back(image("t.test/x:2", sync_state::failed));
  CHECK(sync_failure(result, pruned)->message ==
        "1 of 2 tags of the list are not written, and 1 of 1 tag that the list does not name is not deleted");
}

TEST_CASE("a tag that fails for an architecture is answered with the option that does without") {
  sync_result result;
  result.images = {image("t.test/x:1", sync_state::copied), image("t.test/x:2", sync_state::failed)};
  CHECK(sync_failure(result, {})->hint.empty());
  result.images.back().code = make_error_code(errc::platform_not_found);
  CHECK(sync_failure(result, {})->hint.starts_with("--allow-partial "));
  CHECK(sync_failure(result, {}, true)->hint.empty());
}
