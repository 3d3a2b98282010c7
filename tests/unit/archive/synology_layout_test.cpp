#include "archive/synology_layout.hpp"

#include "archive/gzip_sink.hpp"
#include "archive/layer_facts.hpp"
#include "archive/legacy_layers.hpp"
#include "archive_fixture.hpp"
#include "model/digester.hpp"
#include "model/image_config.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <zstd.h>

#include <map>
#include <thread>

using namespace gantry;
using namespace gantry::archive;
using fixture::memory_blobs;
using fixture::memory_sink;
using gantry::test::must;
using gantry::test::must_fail;

namespace {

/// What planning asks for, out of memory.
struct scene {
  memory_blobs blobs;
  std::atomic<bool> stop{false};
  std::map<digest, unsigned> asked;

  image_contents contents() {
    image_contents found;
    found.config = [this](const descriptor& config) -> result<std::string> { return blobs.bytes_of(config); };
    found.facts = [this](const descriptor& layer, const digest& diff_id) -> result<store::blob_meta> {
      ++asked[layer.digest];
      return inspect_layer(**blobs.open(layer), layer, diff_id, stop);
    };
    return found;
  }
  layout plan(const std::vector<archived_image>& images) { return must(plan_synology(images, contents())); }
};

std::string zstd_of(const std::string& text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string gunzip(const std::string& bytes) {
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.gz", bytes);
  return gantry::test::run_or_throw({.argv = {"gzip", "-dc", (dir / "x.gz").string()}});
}

std::string gzip_of(const std::string& text) {
  memory_sink out;
  gzip_sink gzip(out);
  must(gzip.write(std::as_bytes(std::span(text))));
  must(gzip.finish());
  return out.bytes;
}

/// Replaces layer \p i of \p held by \p packed, which inflates to the same.
void repack(scene& s, archived_manifest& held, std::size_t i, std::string packed) {
  held.layers[i] = s.blobs.put(std::move(packed), held.layers[i].media_type);
}

std::string written_gzip(scene& s, const layout& plan, deflate_workers workers = {}) {
  memory_sink out;
  gzip_sink gzip(out, std::move(workers));
  must(write_archive(plan, s.blobs, gzip, {}, s.stop));
  return out.bytes;
}

/// Loads an archive as docker before 25 did: manifest.json names config and layers, whose digests are the diff IDs.
const char* const check_archive = R"(
import sys, tarfile, hashlib, json
t = tarfile.open(sys.argv[1])
names = t.getnames()
assert len(names) == len(set(names)), names
read = lambda n: t.extractfile(n).read()
out = []
for image in json.loads(read('manifest.json')):
    config = read(image['Config'])
    assert image['Config'] == hashlib.sha256(config).hexdigest() + '.json'
    diff_ids = json.loads(config)['rootfs']['diff_ids']
    assert len(diff_ids) == len(image['Layers'])
    parent = None
    for layer, diff_id in zip(image['Layers'], diff_ids):
        assert 'sha256:' + hashlib.sha256(read(layer)).hexdigest() == diff_id, layer
        directory = layer[:-len('/layer.tar')]
        assert read(directory + '/VERSION') == b'1.0'
        about = json.loads(read(directory + '/json'))
        assert about['id'] == directory and about.get('parent') == parent, about
        parent = directory
    assert about['architecture'] == json.loads(config)['architecture']
    out.append(','.join(image['RepoTags'] or ['-']))
repositories = json.loads(read('repositories')) if 'repositories' in names else {}
for repository, tags in sorted(repositories.items()):
    for tag, layer in sorted(tags.items()):
        assert layer + '/layer.tar' in names
        out.append(repository + '=' + tag)
print(' '.join(out), len([n for n in names if n.endswith('/layer.tar')]))
)";

std::string checked(const std::string& tar) {
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.tar", tar);
  CHECK(fixture::tar_accepts(dir / "x.tar"));
  return fixture::python(check_archive, {(dir / "x.tar").string()});
}

}  // namespace

TEST_CASE("an image becomes what docker before 25 wrote, whatever its layers are compressed with") {
  scene s;
  archived_manifest held = fixture::build_image(s.blobs, "amd64", {fixture::prose(100'000), fixture::noise(70'000, 1), "third", "fourth"});
  repack(s, held, 1, zstd_of(gunzip(s.blobs.bytes_of(held.layers[1]))));
  repack(s, held, 2, gunzip(s.blobs.bytes_of(held.layers[2])));
  repack(s, held, 3, s.blobs.bytes_of(held.layers[3]) + std::string(512, '\0'));
  const layout plan = s.plan({fixture::single(held, "nginx:1.25")});
  CHECK(plan.notes.empty());
  const std::string tar = fixture::written(plan, s.blobs);
  CHECK(checked(tar) == "nginx:1.25 nginx=1.25 4");
  CHECK(plan.entries.front().name == std::string(held.config->digest.encoded()) + ".json");
  CHECK(plan.entries.back().name == "repositories");
}

TEST_CASE("as gzip the same archive comes out, gzip layers in it as they are") {
  scene s;
  archived_manifest held = fixture::build_image(s.blobs, "amd64", {fixture::prose(300'000), fixture::noise(700'000, 1), "tail"});
  repack(s, held, 2, s.blobs.bytes_of(held.layers[2]) + "garbage");
  const layout plan = s.plan({fixture::single(held, "localhost:5000/a/b:1")});
  const std::string tar = fixture::written(plan, s.blobs);
  const std::string packed = written_gzip(s, plan);
  CHECK(gunzip(packed) == tar);
  CHECK(packed.find(s.blobs.bytes_of(held.layers[0])) != std::string::npos);
  CHECK(packed.find(s.blobs.bytes_of(held.layers[1])) != std::string::npos);
  // The one that is not whole members is deflated anew: what stands behind them would end the archive for every reader.
  CHECK(packed.find("garbage") == std::string::npos);
  CHECK(checked(gunzip(packed)) == "localhost:5000/a/b:1 localhost:5000/a/b=1 3");
  CHECK(fixture::python("import gzip,sys; print(len(gzip.open(sys.argv[1]).read()))", [&] {
          static const gantry::test::temp_dir dir;
          gantry::test::spill(dir / "x.gz", packed);
          return std::vector<std::string>{(dir / "x.gz").string()};
        }()) == std::to_string(tar.size()));
}

TEST_CASE("threads do not change a byte of a gzip archive") {
  scene s;
  archived_manifest held = fixture::build_image(s.blobs, "amd64", {fixture::prose(3'000'000), fixture::noise(2'000'000, 1)});
  repack(s, held, 0, zstd_of(gunzip(s.blobs.bytes_of(held.layers[0]))));
  repack(s, held, 1, gunzip(s.blobs.bytes_of(held.layers[1])));
  const layout plan = s.plan({fixture::single(held, "a:1")});
  const std::string alone = written_gzip(s, plan);
  std::vector<std::thread> threads;
  deflate_workers workers{[&](std::function<void()> call) { threads.emplace_back(std::move(call)); }, 3};
  CHECK(written_gzip(s, plan, workers) == alone);
  for (std::thread& one : threads) one.join();
  CHECK(threads.size() > 5);
  CHECK(gunzip(alone) == fixture::written(plan, s.blobs));
}

TEST_CASE("a gzip archive that fails behind a layer is no whole gzip file") {
  scene s;
  const archived_manifest held = fixture::build_image(s.blobs, "amd64", {"first", "second"});
  const layout plan = s.plan({fixture::single(held, "a:1")});
  s.blobs.remove(held.layers[1].digest);
  memory_sink out;
  gzip_sink gzip(out);
  must_fail(write_archive(plan, s.blobs, gzip, {}, s.stop), errc::not_found);
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.gz", out.bytes);
  CHECK(out.bytes.find(s.blobs.bytes_of(held.layers[0])) != std::string::npos);
  CHECK_FALSE(gantry::test::run({.argv = {"gzip", "-t", (dir / "x.gz").string()}}).ok());
}

TEST_CASE("images that share a base share its layers, and equal layers on different ones are repeated") {
  scene s;
  const archived_manifest base = fixture::build_image(s.blobs, "amd64", {"base", "more", "base"});
  const archived_manifest above = fixture::build_image(s.blobs, "amd64", {"base", "more", "base", "top"});
  const archived_manifest beside = fixture::build_image(s.blobs, "amd64", {"base", "other"});
  const layout plan = s.plan({fixture::single(base, "base:1"), fixture::single(above, "above:1"), fixture::single(beside, "beside:1"),
                              fixture::single(base, "base:2")});
  // base: 3; above: its third is no top layer, so it is another one, and its fourth; beside: its second.
  CHECK(checked(fixture::written(plan, s.blobs)) == "base:1,base:2 above:1 beside:1 above=1 base=1 base=2 beside=1 6");
}

TEST_CASE("digest-only names give no tags, many layers and none are fine") {
  scene s;
  std::vector<std::string> contents;
  for (int i = 0; i < 120; ++i) contents.push_back("layer " + std::to_string(i % 100));
  const archived_manifest many = fixture::build_image(s.blobs, "amd64", contents);
  archived_image untagged = fixture::single(many, "");
  CHECK(checked(fixture::written(s.plan({untagged}), s.blobs)) == "- 120");
  const archived_manifest none = fixture::build_image(s.blobs, "amd64", {});
  const std::string tar = fixture::written(s.plan({fixture::single(none, "none:1")}), s.blobs);
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.tar", tar);
  CHECK(gantry::test::run_or_throw({.argv = {"tar", "-xOf", (dir / "x.tar").string(), "manifest.json"}}).find(R"("Layers":[])") !=
        std::string::npos);
}

TEST_CASE("several platforms are refused with what there is, artifacts as such") {
  scene s;
  const archived_manifest amd = fixture::build_image(s.blobs, "amd64", {"a"});
  const archived_manifest arm = fixture::build_image(s.blobs, "arm64", {"b"});
  archived_image both = fixture::multi(s.blobs, {amd, arm}, "a:1", true);
  const std::string message = must_fail(check_synology(std::vector{both}), errc::invalid_option).text.message();
  CHECK(message.find("linux/amd64, linux/arm64") != std::string::npos);
  CHECK(message.find("--platform") != std::string::npos);
  both.manifests[1].attestation = true;
  CHECK(must(check_synology(std::vector{both})).size() == 1);
  both.manifests[0].config.reset();
  must_fail(check_synology(std::vector{both}), errc::not_an_image);
}

TEST_CASE("a layer that is not what the configuration says, or one too many, is refused") {
  scene s;
  archived_manifest held = fixture::build_image(s.blobs, "amd64", {"a", "b"});
  archived_manifest swapped = held;
  std::swap(swapped.layers[0], swapped.layers[1]);
  CHECK(must_fail(plan_synology(std::vector{fixture::single(swapped, "a:1")}, s.contents()), errc::digest_mismatch)
            .text.message()
            .find("inflates to") != std::string::npos);
  held.layers.pop_back();
  CHECK(must_fail(plan_synology(std::vector{fixture::single(held, "a:1")}, s.contents()), errc::malformed_document).text.message() ==
        "the manifest of docker.io/library/a:1 has 1 layer, its configuration names 2: the image is damaged, and only who made it can mend "
        "it");
}

TEST_CASE("a layer that was damaged since it was inspected ends the archive inside an entry") {
  scene s;
  const archived_manifest held = fixture::build_image(s.blobs, "amd64", {fixture::noise(300'000, 4), "tail"});
  const layout plan = s.plan({fixture::single(held, "a:1")});
  std::string other = gunzip(s.blobs.bytes_of(held.layers[0]));
  other[100'000] = static_cast<char>(other[100'000] ^ 1);
  std::string packed = gzip_of(other);
  const std::uint64_t size = held.layers[0].size;
  if (packed.size() < size) packed.append(size - packed.size(), '\0');
  packed.resize(size);
  s.blobs.replace(held.layers[0].digest, packed);
  memory_sink out;
  const auto code = write_archive(plan, s.blobs, out, {}, s.stop).error().code;
  CHECK((code == errc::digest_mismatch || code == errc::malformed_document));
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.tar", out.bytes);
  CHECK_FALSE(fixture::tar_accepts(dir / "x.tar"));
}

TEST_CASE("layer IDs follow docker's chain: equal below, different above") {
  const std::vector<digest> ids{model::digest_of("a"), model::digest_of("b"), model::digest_of("a")};
  const std::string config = R"({"architecture":"amd64","os":"linux","config":{"Env":["A=b \" ]"]},"created":"2020-01-01T00:00:00Z"})";
  const auto layers = legacy_layers(config, ids, "linux");
  REQUIRE(layers.size() == 3);
  CHECK(layers[0].id != layers[2].id);
  const auto longer = legacy_layers("{}", std::vector<digest>{ids[0], ids[1], ids[2], ids[0]}, "linux");
  CHECK(longer[0].id == layers[0].id);
  CHECK(longer[1].id == layers[1].id);
  CHECK(longer[2].id != layers[2].id);
  // The rule of moby's CreateID, spelled out for the lowest layer.
  const std::string identity =
      R"({"container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,)"
      R"("Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,)"
      R"("OnBuild":null,"Labels":null},"created":"1970-01-01T00:00:00Z","layer_id":")" +
      ids[0].string() + R"("})";
  CHECK(layers[0].id == model::digest_of(identity).encoded());
  CHECK(layers[2].json.find(R"("config":{"Env":["A=b \" ]"]},"architecture":"amd64","os":"linux"})") != std::string::npos);
  CHECK(layers[1].json.find(R"("parent":")" + layers[0].id) != std::string::npos);
}
