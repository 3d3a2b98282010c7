#include "archive/intake.hpp"

#include "archive/inflating_input.hpp"
#include "archive/sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::archive {
namespace {

constexpr std::size_t document_cap = std::size_t{16} << 20;  // DESIGN section 6, manifest.json

/// Documents at the top of an archive; they are read before anything else, and are no blobs.
bool is_document(std::string_view name) {
  constexpr std::array documents{"index.json", "manifest.json", "oci-layout", "repositories"};
  return std::find(documents.begin(), documents.end(), name) != documents.end();
}

/// docker's v1 metadata beside each layer, which nobody reads any more.
bool is_leftover(std::string_view name) { return name.ends_with("/VERSION") || name.ends_with("/json"); }

digest_algorithm algorithm_of(std::string_view name) {
  return name.starts_with("blobs/sha512/") ? digest_algorithm::sha512 : digest_algorithm::sha256;
}

/// \p why with the member that it happened in, when it is about the archive.
failure in_member(const std::string& name, failure why) {
  if (why.code != condition::integrity || why.text.message().find(name) != std::string::npos) return why;
  return {why.code, fmt::format("{}: {}", name, why.text.message())};
}

class taken_files final : public file_set {
 public:
  /// \param added needed by take alone
  taken_files(std::shared_ptr<store::content_store> store, std::set<digest>* added) : store_(std::move(store)), added_(added) {}

  result<std::unique_ptr<model::blob_reader>> open(std::string_view name) override {
    const result<std::optional<std::size_t>> place = names_.find(name);
    if (!place) return place.error();
    if (!*place) return std::unique_ptr<model::blob_reader>();
    const file& there = files_[**place];
    if (there.blob.digest) return store_->open(there.blob);
    return reader_of(there.text);
  }

  std::string real_name(std::string_view name) override { return names_.real_name(name); }

  digest known_digest(std::string_view name) override {
    const result<std::optional<std::size_t>> place = names_.find(name);
    return place && *place ? files_[**place].blob.digest : digest();
  }

  /// Takes the member that \p members stands at.
  result<void> take(tar_reader& members, const tar_member& member, std::span<std::byte> buffer, const std::atomic<bool>& stop) {
    if (const result<void> added = names_.add(member, files_.size()); !added) return added;
    file taken;
    if (member.kind == member_kind::file && !is_leftover(member.name)) {
      const result<void> read =
          is_document(member.name) ? take_text(members, member, taken) : take_blob(members, member, taken, buffer, stop);
      if (!read) return read;
    }
    files_.push_back(std::move(taken));
    return {};
  }

 private:
  struct file {
    descriptor blob;   ///< in the store, when it has a digest
    std::string text;  ///< else
  };

  static result<void> take_text(tar_reader& members, const tar_member& member, file& into) {
    if (member.size > document_cap) {
      return failure(errc::limit_exceeded,
                     fmt::format("{} has {} bytes; more than {} are not accepted", member.name, member.size, document_cap));
    }
    into.text.resize(static_cast<std::size_t>(member.size));
    const result<std::size_t> got = members.read(std::as_writable_bytes(std::span(into.text)));
    if (!got) return got.error();
    return {};
  }

  result<void> take_blob(tar_reader& members, const tar_member& member, file& into, std::span<std::byte> buffer,
                         const std::atomic<bool>& stop) {
    result<std::unique_ptr<store::blob_writer>> writer = store_->write_blob(algorithm_of(member.name));
    if (!writer) return writer.error();
    for (;;) {
      if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while reading the archive");
      const result<std::size_t> got = members.read(buffer);
      if (!got) return got.error();
      if (*got == 0) break;
      if (const result<void> written = (*writer)->write(buffer.first(*got)); !written) return written;
    }
    into.blob.size = member.size;
    result<digest> committed = (*writer)->commit();
    if (!committed) return committed.error();
    if (added_ != nullptr && (*writer)->added()) added_->insert(*committed);
    into.blob.digest = std::move(*committed);
    return {};
  }

  std::shared_ptr<store::content_store> store_;
  std::set<digest>* added_;
  std::vector<file> files_;
  member_list names_;
};

}  // namespace

result<std::shared_ptr<file_set>> take_in(byte_input& from, const std::shared_ptr<store::content_store>& store,
                                          const std::atomic<bool>& stop, std::set<digest>* added) {
  auto taken = std::make_shared<taken_files>(store, added);
  const copy_buffer buffer(copy_buffer_size);
  tar_reader members(from);
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while reading the archive");
    const result<std::optional<tar_member>> member = members.next();
    if (!member) return member.error();
    if (!*member) break;
    if (const result<void> done = taken->take(members, **member, buffer.bytes(), stop); !done)
      return in_member((*member)->name, done.error());
  }
  if (const result<void> drained = drain(from); !drained) return drained.error();
  return std::shared_ptr<file_set>(std::move(taken));
}

}  // namespace gantry::archive
