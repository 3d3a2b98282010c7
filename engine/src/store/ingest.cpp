#include "store/ingest.hpp"

#include "store/presence.hpp"
#include "store/trusted_pieces.hpp"
#include "store/write_once.hpp"

#include <fmt/format.h>

#include <boost/assert.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

/// Below this a reservation costs more than an early answer about a full disk is worth.
constexpr std::uint64_t reserve_from_bytes = std::uint64_t{1} << 20;

std::filesystem::path data_path(const std::filesystem::path& directory) { return directory / "data"; }
std::filesystem::path journal_path(const std::filesystem::path& directory) { return directory / "journal"; }

result<runtime::file> open_data(const std::filesystem::path& path) {
  auto opened = runtime::file::open(path, runtime::open_mode::create, 0600);
  if (opened || opened.error().code != errc::access_denied) return opened;
  // A run that died in the middle of commit() leaves the file read-only.
  std::error_code ignored;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  return runtime::file::open(path, runtime::open_mode::create, 0600);
}

}  // namespace

ingest::ingest(descriptor blob, places where, ingest_place place)
    : blob_(std::move(blob)), where_(std::move(where)), place_(place), codec_(blob_.digest, blob_.size) {}

ingest::~ingest() {
  if (finished_) return;
  if (place_ == ingest_place::own || !resumable_) {
    discard();
    return;
  }
  // Gives back what was reserved behind the last byte; a partial file may lie here for days.
  if (const auto size = data_.size()) [[maybe_unused]]
    const auto trimmed = data_.truncate(*size);
}

failure ingest::inside_store(const failure& error) const { return store::inside_store(where_.store, blob_, error); }

result<std::unique_ptr<ingest>> ingest::begin(descriptor blob, places where, const ingest_options& options) {
  std::unique_ptr<ingest> made(new ingest(std::move(blob), std::move(where), options.place));
  made->read_again_ = options.read_again;
  if (auto opened = made->open_files(options.stop); !opened) return made->inside_store(opened.error());
  return made;
}

result<void> ingest::open_files(const std::atomic<bool>* stop) {
  // Until the journal has been read nothing may be taken for worthless.
  resumable_ = true;
  if (auto present = check_presence(where_.store); !present) return present;
  if (auto made = runtime::make_directories(where_.directory, 0700); !made) return made;
  auto data = open_data(data_path(where_.directory));
  if (!data) return data.error();
  data_ = std::move(*data);
  if (blob_.size < where_.journal_from) {
    resumable_ = false;
    return data_.truncate(0);
  }

  // A journal that cannot be read for whatever reason costs bytes only.
  const auto text = runtime::read_file(journal_path(where_.directory), journal_cap_bytes);
  const auto claimed = text ? codec_.decode(std::as_bytes(std::span(*text))) : std::nullopt;
  auto trusted = trusted_pieces(data_, claimed.value_or(std::vector<journal_record>()), blob_.digest, stop);
  if (!trusted) return trusted.error();
  for (const journal_record& piece : *trusted) held_.add({piece.offset, piece.length});
  resumable_ = !held_.list().empty();

  const auto size = data_.size();
  if (!size) return size.error();
  const std::uint64_t keep = held_.list().empty() ? 0 : std::min(*size, blob_.size);
  if (*size != keep) {
    if (auto cut = data_.truncate(keep); !cut) return cut;
  }

  // The journal goes on as exactly the records that hold: a torn tail would shift all that follow.
  std::string wanted(reinterpret_cast<const char*>(codec_.header().data()), codec_.header().size());
  for (const journal_record& piece : *trusted) {
    const auto bytes = codec_.encode(piece);
    wanted.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (!text || *text != wanted) {
    const runtime::write_options harmless_to_lose{.sync = false, .permissions = 0600};
    if (auto written = runtime::atomic_write_file(journal_path(where_.directory), wanted, harmless_to_lose); !written) return written;
  }
  auto journal = runtime::file::open(journal_path(where_.directory), runtime::open_mode::append, 0600);
  if (!journal) return journal.error();
  journal_ = std::move(*journal);

  if (blob_.size >= reserve_from_bytes) return data_.reserve(blob_.size);
  return {};
}

result<void> ingest::check_range(std::uint64_t offset, std::uint64_t length) const {
  if (offset <= blob_.size && length <= blob_.size - offset) return {};
  return failure(errc::size_mismatch, fmt::format("more bytes than the {} of blob {} were given", blob_.size, blob_.digest.string()));
}

result<void> ingest::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (auto fits = check_range(offset, bytes.size()); !fits) return fits;
  const result<void> written = data_.write_at(offset, bytes);
  return written ? written : inside_store(written.error());
}

result<void> ingest::write_once(std::uint64_t offset, std::span<const std::byte> bytes) {
  // Without a sync the disk is not hurried either.
  if (read_again_ || !where_.sync) return write(offset, bytes);
  if (auto fits = check_range(offset, bytes.size()); !fits) return fits;
  const result<void> written = store::write_once(data_, offset, bytes);
  return written ? written : inside_store(written.error());
}

result<void> ingest::record(const journal_record& piece) {
  if (!journal_.is_open()) return {};
  BOOST_ASSERT(piece.length > 0 && piece.length <= journal_piece_bytes && piece.offset <= blob_.size - piece.length);
  if (auto appended = journal_.append(codec_.encode(piece)); !appended) return inside_store(appended.error());
  resumable_.store(true, std::memory_order_relaxed);
  return {};
}

result<std::size_t> ingest::read_at(std::uint64_t offset, std::span<std::byte> into) const { return data_.read_at(offset, into); }

void ingest::start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept {
  if (where_.sync) data_.start_writeback(offset, length);
}

result<void> ingest::commit(const digest& computed) {
  if (auto committed = commit_content(computed); !committed || !where_.sync) return committed;
  auto synced = runtime::sync_directory(where_.target.parent_path());
  return synced ? synced : inside_store(synced.error());
}

result<void> ingest::commit_content(const digest& computed) {
  BOOST_ASSERT(!finished_);
  if (computed != blob_.digest) {
    discard();
    return failure(errc::digest_mismatch, fmt::format("the {} bytes received for blob {} hash to {}; they were removed", blob_.size,
                                                      blob_.digest.string(), computed.string()));
  }
  const auto size = data_.size();
  if (!size || *size != blob_.size) {
    discard();
    if (!size) return size.error();
    return failure(errc::size_mismatch, fmt::format("the partial file of blob {} has {} bytes instead of {}; it was removed",
                                                    blob_.digest.string(), *size, blob_.size));
  }
  if (where_.sync) {
    if (auto synced = data_.sync_data(); !synced) {
      discard();
      return inside_store(synced.error());
    }
  }
  data_.set_permissions(0444);
  if (auto closed = data_.close(); !closed) {
    discard();
    return closed;
  }
  finished_ = true;
  if (auto published = publish(); !published) return inside_store(published.error());
  return {};
}

result<void> ingest::publish() {
  const std::filesystem::path directory = where_.target.parent_path();
  // A store that was removed is not begun anew for the name of what went with it.
  std::error_code ec;
  if (!std::filesystem::exists(data_path(where_.directory), ec)) return system_failure(ENOENT, "cannot find", where_.directory.string());
  if (auto made = runtime::make_directories(directory, 0777, where_.sync); !made) return made;
  if (auto renamed = runtime::rename_file(data_path(where_.directory), where_.target); !renamed) return renamed;
  // What is left over here is cleaned up with other old partial data.
  std::error_code ignored;
  std::filesystem::remove_all(where_.directory, ignored);
  return {};
}

void ingest::discard() noexcept {
  finished_ = true;
  data_ = {};
  journal_ = {};
  std::error_code ignored;
  std::filesystem::remove_all(where_.directory, ignored);
}

piece_writer::piece_writer(blob_part& target, std::uint64_t offset, std::vector<journal_record>* copies)
    : target_(&target), copies_(copies), start_(offset) {}

result<void> piece_writer::append(std::span<const std::byte> bytes, bool once) {
  while (!bytes.empty()) {
    const auto part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), journal_piece_bytes - length_)));
    result<void> written = once ? target_->write_once(position(), part) : target_->write(position(), part);
    if (!written) return written;
    hasher_.update(part);
    length_ += part.size();
    bytes = bytes.subspan(part.size());
    if (length_ == journal_piece_bytes) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
  }
  return {};
}

result<void> piece_writer::flush() {
  if (length_ == 0) return {};
  const journal_record piece{start_, length_, hasher_.value()};
  if (auto recorded = target_->record(piece); !recorded) return recorded;
  if (copies_ != nullptr) copies_->push_back(piece);
  target_->start_writeback(piece.offset, piece.length);
  start_ += length_;
  length_ = 0;
  hasher_.reset();
  return {};
}

}  // namespace gantry::store
