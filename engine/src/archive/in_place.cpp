#include "archive/in_place.hpp"

#include "model/digester.hpp"
#include "store/trusted_pieces.hpp"
#include "store/write_once.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace gantry::archive {
namespace {

/// Below this a reservation costs more than an early answer about a full disk is worth.
constexpr std::uint64_t reserve_from_bytes = std::uint64_t{1} << 20;

failure too_long(const descriptor& blob) {
  return {errc::size_mismatch, fmt::format("more bytes than the {} of blob {} were given", blob.size, blob.digest.string())};
}

bool fits(const descriptor& blob, std::uint64_t offset, std::size_t length) { return offset <= blob.size && length <= blob.size - offset; }

/// Whether a piece of the file is one of \p blob, whose place begins at \p base.
bool is_of(const store::journal_record& piece, const descriptor& blob, std::uint64_t base) {
  return piece.offset >= base && fits(blob, piece.offset - base, piece.length);
}

}  // namespace

digest layout_digest(const layout& plan) {
  model::digester hash(digest_algorithm::sha256);
  hash.update("gantry archive layout 1\n");
  for (const entry& member : plan.entries) {
    const auto* blob = std::get_if<descriptor>(&member.content);
    const std::string content = blob != nullptr ? blob->digest.string() : model::digest_of(std::get<std::string>(member.content)).string();
    hash.update(fmt::format("{} {} {} {}\n", member.data_offset, member.size, content, member.name));
  }
  return hash.finish();
}

/// One blob's place. Keeps the whole alive.
class in_place_target::part final : public store::blob_part {
 public:
  part(std::shared_ptr<in_place_target> whole, descriptor blob, std::uint64_t base, store::byte_ranges held)
      : whole_(std::move(whole)), blob_(std::move(blob)), base_(base), held_(std::move(held)) {}

  const descriptor& blob() const noexcept override { return blob_; }
  const store::byte_ranges& held() const noexcept override { return held_; }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (!fits(blob_, offset, bytes.size())) return too_long(blob_);
    return whole_->file_->file().write_at(base_ + offset, bytes);
  }

  result<void> write_once(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (!whole_->sync_) return write(offset, bytes);
    if (!fits(blob_, offset, bytes.size())) return too_long(blob_);
    return store::write_once(whole_->file_->file(), base_ + offset, bytes);
  }

  result<void> record(const store::journal_record& piece) override {
    return whole_->note({base_ + piece.offset, piece.length, piece.checksum});
  }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    const std::uint64_t left = blob_.size - std::min(offset, blob_.size);
    return whole_->file_->file().read_at(base_ + offset, into.first(std::min<std::uint64_t>(into.size(), left)));
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept override {
    if (whole_->sync_) whole_->file_->file().start_writeback(base_ + offset, length);
  }

  result<void> commit(const digest& computed) override {
    if (computed == blob_.digest) {
      whole_->file_->filled(blob_.digest);
      return {};
    }
    whole_->refuse(blob_, base_);
    return failure(errc::digest_mismatch, fmt::format("the {} bytes received for blob {} hash to {}; they were dropped", blob_.size,
                                                      blob_.digest.string(), computed.string()));
  }

  void discard() noexcept override { whole_->forget(blob_, base_); }

 private:
  std::shared_ptr<in_place_target> whole_;
  descriptor blob_;
  std::uint64_t base_;
  store::byte_ranges held_;
};

/// One blob on its way from another archive. Keeps the whole alive.
class in_place_target::copied_blob final : public store::blob_copy {
 public:
  copied_blob(std::shared_ptr<in_place_target> whole, descriptor blob, std::uint64_t base, finished_archives::copying copying)
      : whole_(std::move(whole)), blob_(std::move(blob)), base_(base), copying_(std::move(copying)) {}

  result<std::optional<std::uint64_t>> advance() override {
    const auto done = copying_.advance(whole_->file_->file());
    if (!done || !*done || **done != blob_.size) return done;
    if (auto taken = whole_->take_over(blob_, base_, copying_.made()); !taken) return taken.error();
    return done;
  }

 private:
  std::shared_ptr<in_place_target> whole_;
  descriptor blob_;
  std::uint64_t base_;
  finished_archives::copying copying_;
};

in_place_target::in_place_target(std::shared_ptr<planned_file> file, bool sync, std::shared_ptr<finished_archives> others)
    : file_(std::move(file)), sync_(sync), others_(std::move(others)), codec_(layout_digest(file_->plan()), file_->plan().size) {}

result<std::shared_ptr<in_place_target>> in_place_target::open(std::shared_ptr<planned_file> file, bool sync,
                                                               std::shared_ptr<finished_archives> others) {
  std::shared_ptr<in_place_target> made(new in_place_target(std::move(file), sync, std::move(others)));
  if (auto opened = made->open_journal(); !opened) return opened.error();
  return made;
}

result<void> in_place_target::open_journal() {
  const std::filesystem::path path = file_->output().journal_path();
  // A journal that cannot be read for whatever reason costs bytes only.
  const auto text = runtime::read_file(path, store::journal_cap_bytes);
  if (text) claimed_ = codec_.decode(std::as_bytes(std::span(*text))).value_or(std::vector<store::journal_record>());
  if (claimed_.empty()) {
    if (auto cut = file_->file().truncate(0); !cut) return cut;
  }
  // The journal goes on as exactly the records that are sound: a torn tail would shift all that follow.
  const std::string wanted = journal_of(claimed_);
  if (!text || *text != wanted) {
    // Made anew without a temporary name, which nobody would remove after a crash: nobody else is here, the part is locked, and a journal
    // that is lost now costs bytes only.
    if (auto removed = runtime::remove_file(path); !removed) return removed;
    auto fresh = runtime::file::open(path, runtime::open_mode::create_new, 0600);
    if (!fresh) return fresh.error();
    if (auto written = fresh->write_at(0, std::as_bytes(std::span(wanted))); !written) return written;
    if (auto closed = fresh->close(); !closed) return closed;
  }
  auto journal = runtime::file::open(path, runtime::open_mode::append, 0600);
  if (!journal) return journal.error();
  journal_ = std::move(*journal);
  resumable_ = !claimed_.empty();
  if (file_->plan().size >= reserve_from_bytes) return file_->file().reserve(file_->plan().size);
  return {};
}

std::string in_place_target::journal_of(const std::vector<store::journal_record>& pieces) const {
  std::string text(reinterpret_cast<const char*>(codec_.header().data()), codec_.header().size());
  for (const store::journal_record& piece : pieces) {
    const auto bytes = codec_.encode(piece);
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return text;
}

result<void> in_place_target::note(const store::journal_record& piece) {
  const std::lock_guard guard(mutex_);
  if (auto appended = journal_.append(codec_.encode(piece)); !appended) return appended;
  resumable_ = true;
  return {};
}

void in_place_target::forget(const descriptor& blob, std::uint64_t base) noexcept try {
  // Space alone: where a file system has no holes the bytes stay, and only without their records do they say nothing.
  file_->file().clear(base, blob.size);
  const std::lock_guard guard(mutex_);
  std::erase_if(claimed_, [&](const store::journal_record& piece) { return is_of(piece, blob, base); });
  const auto text = runtime::read_file(file_->output().journal_path(), store::journal_cap_bytes);
  std::vector<store::journal_record> others;
  if (text) others = codec_.decode(std::as_bytes(std::span(*text))).value_or(std::vector<store::journal_record>());
  std::erase_if(others, [&](const store::journal_record& piece) { return is_of(piece, blob, base); });
  const std::string wanted = journal_of(others);
  resumable_ = !others.empty();
  // Who is killed in between, or has no room, has a journal of nothing, which costs bytes only.
  if (const auto cut = journal_.truncate(0); !cut || !journal_.append(std::as_bytes(std::span(wanted)))) resumable_ = false;
} catch (const std::exception&) {
  const std::lock_guard guard(mutex_);
  resumable_ = false;
}

void in_place_target::refuse(const descriptor& blob, std::uint64_t base) {
  forget(blob, base);
  const std::lock_guard guard(mutex_);
  // The first time may be the fault of what an earlier run has left.
  if (!refused_.insert(blob.digest).second) given_up_ = true;
}

in_place_target::~in_place_target() {
  if (!file_->file().is_open() || !resumable_ || given_up_) return;
  // Gives back what was reserved behind the last byte; a part may lie here for days.
  if (const auto size = file_->file().size()) [[maybe_unused]]
    const auto trimmed = file_->file().truncate(*size);
  file_->output().keep();
}

std::unique_ptr<store::blob_copy> in_place_target::copy_from_others(const descriptor& blob) {
  const std::optional<std::uint64_t> base = file_->place_of(blob.digest);
  if (!others_ || !base) return nullptr;
  {
    // What is journalled is never written again.
    const std::lock_guard guard(mutex_);
    const auto is_mine = [&](const store::journal_record& piece) { return is_of(piece, blob, *base); };
    if (std::any_of(claimed_.begin(), claimed_.end(), is_mine)) return nullptr;
  }
  auto copying = others_->copy(blob, *base);
  if (!copying) return nullptr;
  return std::make_unique<copied_blob>(shared_from_this(), blob, *base, std::move(*copying));
}

result<void> in_place_target::take_over(const descriptor& blob, std::uint64_t base, const finished_archives::pieces& pieces) {
  for (const store::journal_record& piece : pieces) {
    if (auto noted = note({base + piece.offset, piece.length, piece.checksum}); !noted) return noted;
  }
  if (sync_) file_->file().start_writeback(base, blob.size);
  file_->filled(blob.digest);
  return {};
}

result<store::claim_attempt> in_place_target::claim(const descriptor& blob) {
  store::claim_attempt answer;
  answer.copy = copy_from_others(blob);
  // The part as a whole is locked.
  answer.lock.emplace();
  return answer;
}

result<std::unique_ptr<store::blob_part>> in_place_target::begin(const descriptor& blob, store::ingest_options options) {
  const std::optional<std::uint64_t> base = file_->place_of(blob.digest);
  if (!base)
    return failure(errc::internal_error, fmt::format("blob {} has no place in {}", blob.digest.string(), file_->output().path().string()));
  std::vector<store::journal_record> mine;
  {
    const std::lock_guard guard(mutex_);
    for (const store::journal_record& piece : claimed_) {
      if (is_of(piece, blob, *base)) mine.push_back(piece);
    }
  }
  const auto trusted = store::trusted_pieces(file_->file(), mine, blob.digest, options.stop);
  if (!trusted) return trusted.error();
  store::byte_ranges held;
  for (const store::journal_record& piece : *trusted) held.add({piece.offset - *base, piece.length});
  return std::unique_ptr<store::blob_part>(std::make_unique<part>(shared_from_this(), blob, *base, std::move(held)));
}

class teed_target::part final : public store::blob_part {
 public:
  part(std::unique_ptr<store::blob_part> stored, std::shared_ptr<planned_file> file, std::uint64_t base, bool sync)
      : stored_(std::move(stored)), file_(std::move(file)), base_(base), sync_(sync) {}

  const descriptor& blob() const noexcept override { return stored_->blob(); }
  const store::byte_ranges& held() const noexcept override { return stored_->held(); }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (auto written = stored_->write(offset, bytes); !written) return written;
    return file_->file().write_at(base_ + offset, bytes);
  }
  result<void> write_once(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (auto written = stored_->write_once(offset, bytes); !written) return written;
    return sync_ ? store::write_once(file_->file(), base_ + offset, bytes) : file_->file().write_at(base_ + offset, bytes);
  }
  result<void> record(const store::journal_record& piece) override { return stored_->record(piece); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override { return stored_->read_at(offset, into); }
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept override {
    stored_->start_writeback(offset, length);
    if (sync_) file_->file().start_writeback(base_ + offset, length);
  }
  result<void> commit(const digest& computed) override {
    const digest value = blob().digest;
    if (auto committed = stored_->commit(computed); !committed) return committed;
    file_->filled(value);
    return {};
  }
  result<void> commit_content(const digest& computed) override {
    const digest value = blob().digest;
    if (auto committed = stored_->commit_content(computed); !committed) return committed;
    file_->filled(value);
    return {};
  }
  void discard() noexcept override { stored_->discard(); }

  /// Brings into the archive what the store has of an earlier run.
  result<void> copy_held(const std::atomic<bool>* stop) {
    const copy_buffer buffer(copy_buffer_size);
    for (const store::byte_range& range : held().list()) {
      for (std::uint64_t offset = range.offset; offset < range.end();) {
        if (stop != nullptr && stop->load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while copying partial data");
        const std::span<std::byte> into = buffer.bytes().first(std::min<std::uint64_t>(copy_buffer_size, range.end() - offset));
        const result<std::size_t> got = stored_->read_at(offset, into);
        if (!got) return got.error();
        if (*got == 0) return failure(errc::storage_error, "a partial file became shorter while it was read");
        if (auto written = file_->file().write_at(base_ + offset, into.first(*got)); !written) return written;
        offset += *got;
      }
    }
    return {};
  }

 private:
  std::unique_ptr<store::blob_part> stored_;
  std::shared_ptr<planned_file> file_;
  std::uint64_t base_;
  bool sync_;
};

result<std::unique_ptr<store::blob_part>> teed_target::begin(const descriptor& blob, store::ingest_options options) {
  auto stored = store_->begin(blob, options);
  const std::optional<std::uint64_t> base = file_->place_of(blob.digest);
  if (!stored || !base) return stored;
  auto made = std::make_unique<part>(std::move(*stored), file_, *base, sync_);
  if (auto copied = made->copy_held(options.stop); !copied) return copied.error();
  return std::unique_ptr<store::blob_part>(std::move(made));
}

}  // namespace gantry::archive
