// Archives that somebody else has written, whole and in their parts. tests/fuzz/made_tar.hpp has what makes them out of inputs.

#include "archive/byte_input.hpp"
#include "archive/decoder.hpp"
#include "archive/docker_archive.hpp"
#include "archive/documents.hpp"
#include "archive/file_set.hpp"
#include "archive/image_source.hpp"
#include "archive/inflating_input.hpp"
#include "archive/tar_reader.hpp"
#include "fuzz/made_tar.hpp"
#include "fuzz/targets.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::fuzz {
namespace {

/// More than any input of a fuzzer has a use for.
constexpr std::uint64_t enough = std::uint64_t{4} << 20;

class text_input final : public archive::byte_input {
 public:
  explicit text_input(std::string_view text) : text_(text) {}
  result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), text_.size());
    if (count != 0) std::memcpy(into.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

/// A regular file that is nowhere but in memory.
runtime::file file_of(std::string_view bytes) {
  runtime::file made(::memfd_create("archive", MFD_CLOEXEC), "archive.tar");
  expect(made.is_open() && made.write_at(0, bytes_of(bytes)).has_value(), "there is memory for a file");
  return made;
}

bool leads_out(const std::string& name) {
  return name.find('\0') != std::string::npos || name.starts_with('/') || ("/" + name + "/").find("/../") != std::string::npos;
}

/// Where a link of \p name leads, as the standard library sees it; empty: out.
std::string destination(const std::string& name, const archive::tar_member& link) {
  const std::filesystem::path base = link.kind == archive::member_kind::symbolic_link ? std::filesystem::path(name).parent_path() : "";
  std::string path = (base / link.target).lexically_normal().string();
  while (path.ends_with('/')) path.pop_back();
  if (path == ".") path.clear();
  return leads_out(path) ? std::string() : path;
}

/// Where the walk along the links of \p name ends has to be where another walk ends.
void follow(const archive::member_list& names, const std::vector<archive::tar_member>& members, const std::string& name) {
  const auto found = names.find(name);
  if (!found || !*found) return;
  expect(**found < members.size(), "what is found is a member");
  const archive::tar_member& file = members[**found];
  expect(file.kind == archive::member_kind::file && !leads_out(file.name), "what is found is a file of the archive");
  std::string at = name;
  for (unsigned steps = 0; steps < 16 && at != file.name; ++steps) {
    const auto member = std::find_if(members.begin(), members.end(), [&](const auto& one) { return one.name == at; });
    expect(member != members.end(), "links lead from member to member");
    at = destination(at, *member);
  }
  expect(at == file.name, "links lead where they say");
}

void walk(std::string_view tar) {
  text_input input(tar);
  archive::tar_reader reader(input);
  archive::member_list names;
  std::vector<archive::tar_member> members;
  std::array<std::byte, 512> block{};
  for (;;) {
    const auto member = reader.next();
    if (!member || !*member) break;
    expect(!leads_out((*member)->name), "no member leads out of the archive");
    const auto got = reader.read(block);
    expect(!got || (*got <= (*member)->size && (*member)->position <= tar.size()), "a member has no more than it says");
    if (!names.add(**member, members.size())) break;
    members.push_back(**member);
  }
  constexpr std::size_t most = 64;  // each is compared with all
  for (std::size_t i = 0; i < std::min(most, members.size()); ++i) follow(names, members, members[i].name);
}

/// The bytes of a tar; the same with the checksums that they ought to have, which nobody guesses.
void read_tar(std::string_view text) {
  walk(text);
  walk(with_checksums(std::string(text)));
}

/// Opens what images name, and reads a little of it.
void look_at(archive::image_source& source, const descriptor& blob, bool must_be_there) {
  const auto opened = source.open(blob);
  expect(opened || !must_be_there, "a manifest that was read can be read again");
  if (!opened) return;
  expect((*opened)->size() == blob.size, "a blob has the size that its descriptor says");
  std::array<std::byte, 64> some{};
  const auto got = (*opened)->read_at(blob.size - std::min<std::uint64_t>(blob.size, 7), some);
  expect(!got || *got <= 7, "no blob goes on behind its end");
}

/// All that opening an archive does, on a plain tar.
void open_images(std::string_view tar) {
  const std::atomic<bool> stop = false;
  const auto files = archive::tar_files::index(file_of(tar), stop);
  if (!files) return;
  const auto source = archive::image_source::read(*files, nullptr, "archive.tar", stop);
  if (!source) {
    expect(is_shown_safely(source.error().text.message()), "a message can be shown");
    return;
  }
  for (const archive::source_image& image : (*source)->images()) {
    for (const reference& name : image.content.names) {
      error_code ec;
      expect(reference::parse(name.string(), ec) == name && !ec, "a name of an image is read back from what it is printed as");
    }
    for (const archive::archived_manifest& one : image.content.manifests) {
      look_at(**source, one.manifest, true);
      if (one.config) look_at(**source, *one.config, false);
      for (const descriptor& layer : one.layers) look_at(**source, layer, false);
    }
  }
  const std::size_t count = (*source)->images().size();
  const auto kept = (*source)->keep_only("@0");
  expect(!kept || ((*source)->images().size() == 1 && count != 0), "one image of several is one");
}

/// A file as it comes: plain or compressed, each also with the checksums mended.
void read_archive(std::string_view text) {
  const auto plain = archive::plain_input(std::make_unique<text_input>(text), "the archive", {enough, 1'100, enough});
  if (!plain) return;
  std::string tar;
  std::array<std::byte, 4096> block{};
  for (;;) {
    const auto got = (*plain)->read(block);
    if (!got) return;
    tar.append(reinterpret_cast<const char*>(block.data()), *got);
    expect(tar.size() <= 2 * enough, "what is inflated has a limit");
    if (*got < block.size()) break;
  }
  open_images(tar);
  open_images(with_checksums(std::move(tar)));
}

/// The members of an archive as text, see made_tar.
void read_members(std::string_view text) {
  const std::string tar = made_tar(text);
  walk(tar);
  open_images(tar);
}

/// docker's manifest.json.
void read_docker_manifest(std::string_view text) {
  const auto entries = archive::parse_docker_manifest(text);
  if (!entries) return;
  std::vector<archive::docker_image> images;
  for (const archive::docker_entry& one : *entries) {
    (void)archive::digest_in_path(one.config);
    images.push_back({one.config, one.tags, one.layers});
  }
  const auto again = archive::parse_docker_manifest(archive::manifest_json(images));
  expect(again && again->size() == entries->size(), "a list of images is read back as it is written");
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const archive::docker_entry& a = (*entries)[i];
    const archive::docker_entry& b = (*again)[i];
    expect(a.config == b.config && a.tags == b.tags && a.layers == b.layers, "an image is read back as it is written");
  }
}

/// \param kind what the bytes are taken for
void inflate(std::string_view text, model::compression kind) {
  const auto decode = archive::make_decoder(kind);
  std::array<std::byte, 4096> out{};
  auto in = bytes_of(text);
  std::uint64_t given = 0;
  while (!in.empty() && given < enough) {
    const auto step = decode->step(in, out);
    if (!step) return;
    expect(step->taken != 0 || step->given != 0, "a decoder goes on");
    in = in.subspan(step->taken);
    given += step->given;
  }
  if (in.empty()) (void)decode->finish();
}

void read_gzip(std::string_view text) { inflate(text, model::compression::gzip); }
void read_zstd(std::string_view text) { inflate(text, model::compression::zstd); }

constexpr target all[] = {
    {"tar", read_tar},   {"archive", read_archive}, {"archive_members", read_members}, {"docker_manifest", read_docker_manifest},
    {"gzip", read_gzip}, {"zstd", read_zstd},       {"splice", read_splice},
};

}  // namespace

std::span<const target> archive_targets() noexcept { return all; }

}  // namespace gantry::fuzz
