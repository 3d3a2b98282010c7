#include "archive/writer.hpp"

#include "archive/file_sink.hpp"
#include "archive/gzip_sink.hpp"
#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <memory>

using namespace gantry;
using namespace gantry::archive;
using fixture::build_image;
using fixture::memory_blobs;
using fixture::memory_sink;

namespace {

struct scene {
  memory_blobs blobs;
  archived_manifest amd = build_image(blobs, "amd64", {fixture::noise(3'000'000, 1), fixture::prose(100'000)});
  archived_manifest arm = build_image(blobs, "arm64", {fixture::noise(500'000, 2)});
  layout plan;

  scene() {
    const std::vector<archived_image> images{fixture::multi(blobs, {amd, arm}, "localhost:5000/test/image:1", true)};
    plan = *plan_docker(images, fixture::platform_of("linux/amd64"));
  }
};

const char* const check_members = R"(
import sys, tarfile, hashlib, json
names = []
with tarfile.open(sys.argv[1], 'r:*') as t:
    for m in t:
        names.append(m.name)
        if m.isfile() and m.name.startswith('blobs/'):
            algorithm, digits = m.name.split('/')[1:]
            assert hashlib.new(algorithm, t.extractfile(m).read()).hexdigest() == digits, m.name
    index = json.load(t.extractfile('index.json'))
    for d in index['manifests']: assert t.getmember('blobs/' + d['digest'].replace(':', '/')).size == d['size']
print(len(names))
)";

/// Runs the writer with a stop or a fault; \returns what came out and why it ended.
std::pair<std::string, failure> broken(scene& s, const std::atomic<bool>& stop, const archive_progress_handler& progress = {}) {
  memory_sink out;
  const result<std::uint64_t> size = write_archive(s.plan, s.blobs, out, progress, stop);
  REQUIRE(size.has_error());
  CHECK_FALSE(out.finished);
  return {out.bytes, size.error()};
}

bool tar_takes_it(const std::string& bytes) {
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.tar", bytes);
  return fixture::tar_accepts(dir / "x.tar");
}

}  // namespace

TEST_CASE("an archive is read by tar, python and libarchive, and every blob hashes to its name") {
  scene s;
  const gantry::test::temp_dir dir;
  const std::string plain = fixture::written(s.plan, s.blobs);
  CHECK(plain.size() == s.plan.size);
  gantry::test::spill(dir / "x.tar", plain);
  CHECK(fixture::tar_accepts(dir / "x.tar"));
  CHECK(fixture::python(check_members, {(dir / "x.tar").string()}) == std::to_string(s.plan.entries.size()));
  std::string members;
  for (const entry& member : s.plan.entries) members += member.name + " " + std::to_string(member.size) + "\n";
  CHECK(fixture::libarchive_reads(dir / "x.tar").value_or(members) == members);

  memory_sink out;
  gzip_sink gzip(out);
  const std::atomic<bool> stop{false};
  REQUIRE(write_archive(s.plan, s.blobs, gzip, {}, stop).has_value());
  CHECK(out.finished);
  gantry::test::spill(dir / "x.tar.gz", out.bytes);
  CHECK(out.bytes.size() < plain.size() + 20'000);
  CHECK(fixture::libarchive_reads(dir / "x.tar.gz").value_or(members) == members);
  CHECK(gantry::test::run({.argv = {"gzip", "-t", (dir / "x.tar.gz").string()}}).ok());
  CHECK(fixture::python(check_members, {(dir / "x.tar.gz").string()}) == std::to_string(s.plan.entries.size()));
  CHECK(fixture::python("import gzip,sys; print(gzip.open(sys.argv[1]).read() == open(sys.argv[2],'rb').read())",
                        {(dir / "x.tar.gz").string(), (dir / "x.tar").string()}) == "True");
}

TEST_CASE("contents lie at the offsets of the layout") {
  scene s;
  const std::string plain = fixture::written(s.plan, s.blobs);
  for (const entry& member : s.plan.entries) {
    const auto* blob = std::get_if<descriptor>(&member.content);
    const std::string& content = blob != nullptr ? s.blobs.bytes_of(*blob) : std::get<std::string>(member.content);
    CHECK(plain.compare(static_cast<std::size_t>(member.data_offset), static_cast<std::size_t>(member.size), content) == 0);
    CHECK(plain.compare(static_cast<std::size_t>(member.header_offset), member.name.size(), member.name) == 0);
  }
}

TEST_CASE("equal images give equal bytes, in memory and through a file, kernel copies or not") {
  scene first;
  scene second;
  const std::string bytes = fixture::written(first.plan, first.blobs);
  CHECK(bytes == fixture::written(second.plan, second.blobs));
  const gantry::test::temp_dir dir;
  second.blobs.keep_in_files(dir / "blobs");
  const result<runtime::file> file = runtime::file::open(dir / "out.tar", runtime::open_mode::create_new);
  REQUIRE(file.has_value());
  file_sink sink(*file);
  const std::atomic<bool> stop{false};
  REQUIRE(write_archive(second.plan, second.blobs, sink, {}, stop).has_value());
  CHECK(gantry::test::slurp(dir / "out.tar") == bytes);
}

TEST_CASE("progress never goes back and ends with the whole") {
  scene s;
  memory_sink out;
  const std::atomic<bool> stop{false};
  std::uint64_t last = 0;
  std::size_t calls = 0;
  const archive_progress_handler progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(total == s.plan.size);
    CHECK(done >= last);
    last = done;
    ++calls;
  };
  REQUIRE(write_archive(s.plan, s.blobs, out, progress, stop).has_value());
  CHECK(last == s.plan.size);
  CHECK(calls > s.plan.entries.size());
}

TEST_CASE("blobs are opened in archive order, each once") {
  scene s;
  fixture::written(s.plan, s.blobs);
  std::vector<digest> expected;
  for (const entry& member : s.plan.entries) {
    if (const auto* blob = std::get_if<descriptor>(&member.content)) expected.push_back(blob->digest);
  }
  CHECK(s.blobs.opened() == expected);
}

TEST_CASE("a blob that is missing, of another length, cut or damaged breaks the archive off inside an entry") {
  const std::atomic<bool> stop{false};
  const auto check = [&](scene& s, const digest& blob, errc code) {
    const auto [bytes, why] = broken(s, stop);
    CHECK(why.code == code);
    CHECK(why.text.message().find(code == errc::size_mismatch ? "blob" : blob.string()) != std::string::npos);
    CHECK_FALSE(tar_takes_it(bytes));
  };
  for (std::size_t which = 0; which < 3; ++which) {
    CAPTURE(which);
    const auto victim = [&](const scene& s) {
      return which == 0 ? s.amd.config->digest : which == 1 ? s.amd.layers[0].digest : s.arm.manifest.digest;
    };
    scene missing;
    missing.blobs.remove(victim(missing));
    check(missing, victim(missing), errc::not_found);
    scene longer;
    longer.blobs.replace(victim(longer), "something of another length");
    check(longer, victim(longer), errc::size_mismatch);
    scene cut;
    cut.blobs.shorten(victim(cut), 100);
    check(cut, victim(cut), errc::size_mismatch);
    scene damaged;
    descriptor named;
    named.digest = victim(damaged);
    std::string bytes = damaged.blobs.bytes_of(named);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    damaged.blobs.replace(named.digest, bytes);
    check(damaged, named.digest, errc::digest_mismatch);
  }
}

TEST_CASE("an empty blob that is missing breaks off in the entry after it") {
  memory_blobs blobs;
  archived_manifest image = build_image(blobs, "amd64", {"x"});
  image.layers.push_back(blobs.put("", "application/vnd.oci.image.layer.v1.tar"));
  const std::vector<archived_image> images{fixture::single(image, "x:1")};
  const layout plan = *plan_docker(images, fixture::platform_of("linux/amd64"));
  fixture::written(plan, blobs);
  blobs.remove(image.layers.back().digest);
  memory_sink out;
  const std::atomic<bool> stop{false};
  CHECK(write_archive(plan, blobs, out, {}, stop).has_error());
  CHECK_FALSE(tar_takes_it(out.bytes));
}

TEST_CASE("a stop at any moment leaves what no tar reader takes for whole") {
  std::size_t calls = 0;
  {
    scene s;
    const std::atomic<bool> never{false};
    memory_sink out;
    REQUIRE(write_archive(
                s.plan, s.blobs, out, [&](std::uint64_t, std::uint64_t) { ++calls; }, never)
                .has_value());
  }
  // The last two reports come when all entries are out: a stop is too late then.
  for (std::size_t at = 0; at + 2 < calls; ++at) {
    CAPTURE(at, calls);
    scene s;
    std::atomic<bool> stop{at == 0};
    std::size_t seen = 0;
    const auto [bytes, why] = broken(s, stop, [&](std::uint64_t, std::uint64_t) {
      if (++seen == at) stop = true;
    });
    CHECK(why.code == errc::cancelled);
    CHECK_FALSE(tar_takes_it(bytes));
  }
}

TEST_CASE("a sink that fails is the reason that is reported") {
  scene s;
  const std::atomic<bool> stop{false};
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{700}, s.plan.size / 2, s.plan.size - 1}) {
    memory_sink full(limit);
    const result<std::uint64_t> size = write_archive(s.plan, s.blobs, full, {}, stop);
    REQUIRE(size.has_error());
    CHECK(size.error().code == errc::no_space);
    CHECK(full.bytes.size() <= limit);
  }
}

TEST_CASE("podman's and skopeo's readers find the image") {
  if (!gantry::test::has_program("skopeo")) {
    WARN("skipped: skopeo is not installed");
    return;
  }
  for (const bool docker_types : {false, true}) {
    CAPTURE(docker_types);
    memory_blobs blobs;
    const archived_manifest amd = build_image(blobs, "amd64", {"one", "two"}, docker_types);
    const archived_manifest arm = build_image(blobs, "arm64", {"three"}, docker_types);
    const gantry::test::temp_dir dir;
    const auto copy = [&](const std::string& source, const std::string& to) {
      return gantry::test::run(
          {.argv = {"skopeo", "--insecure-policy", "--override-arch", "amd64", "copy", "-q", source, "dir:" + (dir / to).string()}});
    };
    int number = 0;
    for (const archived_image& image :
         {fixture::single(amd, "nginx:1.25"), fixture::multi(blobs, {amd, arm}, "nginx:1.25", false, docker_types),
          fixture::multi(blobs, {arm, amd}, "nginx:1.25", true, docker_types)}) {
      const std::vector<archived_image> images{image};
      const std::string tar = (dir / (std::to_string(++number) + ".tar")).string();
      gantry::test::spill(tar, fixture::written(*plan_docker(images, fixture::platform_of("linux/amd64")), blobs));
      CHECK(copy("docker-archive:" + tar, std::to_string(number) + "d").err.empty());
      CHECK(copy("docker-archive:" + tar + ":docker.io/library/nginx:1.25", std::to_string(number) + "t").err.empty());
      CHECK(copy("oci-archive:" + tar, std::to_string(number) + "o").err.empty());
      CHECK(gantry::test::slurp(dir / (std::to_string(number) + "o") / "manifest.json") == blobs.bytes_of(amd.manifest));
    }
  }
}
