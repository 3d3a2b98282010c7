#include "serve/reader_watch.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <chrono>
#include <memory>

using namespace gantry::serve;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  loop strand;
  gantry::runtime::lanes lanes;
  std::shared_ptr<arriving_blob> blob = std::make_shared<arriving_blob>(lanes, gantry::descriptor());
  int absences = 0;

  void wait(std::chrono::milliseconds time) {
    strand.context.restart();
    strand.context.run_for(time);
  }
};

}  // namespace

TEST_CASE("a blob that nobody reads is noticed, once") {
  fixture f;
  const reader_watch watch(f.strand.executor, f.blob, 30ms, [&] { ++f.absences; });
  f.wait(10ms);
  CHECK(f.absences == 0);
  f.wait(100ms);
  CHECK(f.absences == 1);
  f.blob->reader();
  f.wait(100ms);
  CHECK(f.absences == 1);
}

TEST_CASE("while somebody reads nothing is missed, and who comes back in time was never away") {
  fixture f;
  auto first = f.blob->reader();
  const reader_watch watch(f.strand.executor, f.blob, 200ms, [&] { ++f.absences; });
  auto second = f.blob->reader();
  first.reset();
  f.wait(300ms);
  CHECK(f.blob->has_readers());
  second.reset();
  CHECK_FALSE(f.blob->has_readers());
  f.wait(20ms);
  first = f.blob->reader();
  f.wait(300ms);
  CHECK(f.absences == 0);
  first.reset();
  f.wait(400ms);
  CHECK(f.absences == 1);
}

TEST_CASE("readers may outlive the watch") {
  fixture f;
  auto reader = f.blob->reader();
  {
    const reader_watch watch(f.strand.executor, f.blob, 1ms, [&] { ++f.absences; });
  }
  reader.reset();
  f.wait(50ms);
  CHECK(f.absences == 0);
}
