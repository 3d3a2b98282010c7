#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/blob_meta.hpp"
#include "store/blob_target.hpp"
#include "store/blob_writer.hpp"
#include "store/document_store.hpp"
#include "store/ingest.hpp"
#include "store/inventory.hpp"
#include "store/lease.hpp"
#include "store/paths.hpp"
#include "store/reference_record.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::store {

struct store_options {
  /// Created with mode 0700 when absent; see content_store::default_root.
  std::filesystem::path root;
  /// Whether finished files and their names are forced to disk before they count. false: a power cut can lose what looked finished, also to
  /// those who find it here later, whatever they ask for themselves.
  bool sync = true;
  /// Blobs below this size are fetched without a journal: after an interruption they are fetched anew.
  std::uint64_t journal_from = std::uint64_t{1} << 20;
};

/// Held while references and index.json are written; made by content_store::try_lock_index. Holds nothing where there are no locks: every
/// file is replaced as a whole, so that two writers at once cost an entry until the next rebuild, never a broken file.
class index_lock {
 public:
  bool held() const noexcept { return lock_.held(); }

 private:
  friend class content_store;
  index_lock(runtime::file_lock gc, runtime::file_lock lock) noexcept : gc_(std::move(gc)), lock_(std::move(lock)) {}
  runtime::file_lock gc_;  ///< shared: no clean-up sees references come and go
  runtime::file_lock lock_;
};

/// Held by the one who cleans up; made by content_store::try_lock_gc. Nobody begins an operation or writes references meanwhile. Holds
/// nothing where there are no locks.
class gc_lock {
 public:
  bool held() const noexcept { return lock_.held(); }
  /// For what wants an index_lock.
  const index_lock& index() const noexcept { return index_; }

 private:
  friend class content_store;
  gc_lock(runtime::file_lock lock, index_lock index) noexcept : lock_(std::move(lock)), index_(std::move(index)) {}
  runtime::file_lock lock_;
  index_lock index_;
};

/// A record with the time when it was last put there, even if it said nothing new.
struct held_reference {
  reference_record record;
  file_time used{};
};

/// A record that is there and that nobody can read. What it needs is not known, so that a clean-up has to keep what it may need.
struct damaged_record {
  reference name;              ///< told by the name of the file
  std::filesystem::path path;  ///< the file below refs/
  std::string why;             ///< a sentence's end: "is cut off or damaged"
  file_time used{};            ///< as in \ref held_reference
};

/// All that stands below refs/.
struct held_records {
  std::vector<held_reference> sound;    ///< ordered by name
  std::vector<damaged_record> damaged;  ///< ordered by name
};

/// A sentence that says what is wrong with a record and what helps.
std::string advice_of(const damaged_record& one);

/// The content-addressed store (DESIGN section 4), a valid OCI image layout on disk. Everything blocks and runs on worker lanes. The object
/// has no state but its directory: all members may be called from several threads at once, and several processes may use one store.
///
/// Order of an operation: try_lease() until it is had -> looks at blobs, fetches -> references -> end of the lease.
/// Order of a fetch: claim() until the blob is held or the lock is had -> begin() -> piece_writer... -> commit(). Order of an
/// operation's end: try_lock_index() -> put_references() -> rebuild_index().
class content_store final : public document_store, public blob_target {
 public:
  /// `$GANTRY_CACHE_DIR`, else `$XDG_CACHE_HOME/gantry` (absolute paths only), else `$HOME/.cache/gantry`; empty variables count as unset.
  /// Fails with errc::invalid_option when none is set.
  static result<std::filesystem::path> default_root();

  /// Opens the store and creates what is missing. A store on a read-only file system opens when nothing is missing. Fails with
  /// errc::access_denied, no_space, storage_error (the root is a file), or invalid_option (the root is an OCI layout that is no store).
  static result<std::shared_ptr<content_store>> open(store_options options);

  const std::filesystem::path& root() const noexcept { return paths_.root; }

  /// Whether it is still there: not removed, and its disk not unmounted. Members that write fail with errc::storage_error when it is not,
  /// and make nothing anew.
  bool is_present() const noexcept;

  bool holds(const descriptor& blob) const noexcept override;

  /// Opens a blob at offset 0; native_handle() is its descriptor. errc::not_found when it is not held.
  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

  result<std::string> read(const descriptor& blob, std::size_t cap) const override;

  /// Also mends a stored blob that was damaged.
  result<void> put(const descriptor& blob, std::string_view bytes) const override;

  /// Begins to keep blobs from being removed; nothing while somebody cleans up. Never waits. A store that cannot be written gives a lease
  /// that holds nothing.
  result<std::optional<lease>> try_lease() const;

  /// Keeps clean-ups out as long as the lock lives; nothing while one is at work. Never waits. For a short look at what lies here; an
  /// operation takes a lease.
  result<std::optional<runtime::file_lock>> try_share() const;

  /// Begins a blob that comes from front to back, and whose digest need not be known yet. Should it be there already it is replaced.
  result<std::unique_ptr<blob_writer>> write_blob(digest_algorithm algorithm = digest_algorithm::sha256) const;

  /// Tries to become the one who fetches this blob; nothing when another does. Never waits. A lock with held() == false means that there
  /// are no locks here: use ingest_place::own.
  result<std::optional<digest_lock>> try_lock(const digest& value) const;

  /// Changes whenever the shared partial file of this blob grows; 0 when there is none. For those who wait for the lock's holder.
  std::int64_t growth_stamp(const digest& value) const noexcept;

  /// holds() and try_lock() as a fetch needs them.
  result<claim_attempt> claim(const descriptor& blob) override;

  result<std::unique_ptr<blob_part>> begin(const descriptor& blob, ingest_options options = {}) override;
  result<void> sync_names() override;

  /// What is known about the content of a blob; nothing when it is not known, or cannot be read.
  std::optional<blob_meta> meta(const digest& blob) const;
  /// Keeps what was learnt about a blob. Not forced to disk. A failure harms nobody but the next who needs the facts.
  result<void> put_meta(const digest& blob, const blob_meta& facts) const;

  /// Tries to become the one who writes references and index.json; nothing when another does. Never waits.
  result<std::optional<index_lock>> try_lock_index() const;

  /// Adds or replaces the records of names (see merge). All of their blobs must be held already, and their names are made durable before
  /// the first record that says something new is written, whoever gave them.
  result<void> put_references(std::vector<reference_record> records, const index_lock& lock) const;
  result<void> put_reference(reference_record record, const index_lock& lock) const { return put_references({std::move(record)}, lock); }

  /// An unreadable record is absent.
  result<std::optional<reference_record>> find_reference(const reference& name) const override;

  /// Records that cannot be read name nothing; the digest's bytes need not be there.
  result<std::optional<reference_record>> find_by_content(const reference& image) const override;

  /// All records, ordered by name; damaged ones are left out. Fails when one cannot be read.
  result<std::vector<reference_record>> list_references() const;

  /// The same with times, and those that are damaged apart.
  result<held_records> held_references() const;

  /// Makes the time of a record that of now, as if it had just been put there. Best effort.
  void note_use(const reference& name) const noexcept;

  /// Forgets a name; one that is not there is no error. Its blobs stay. index.json is to be rebuilt.
  result<void> remove_reference(const reference& name, const gc_lock& lock) const;

  /// Writes index.json anew from all records whose entry is held, unless it says just that already.
  result<void> rebuild_index(const index_lock& lock) const;

  /// Tries to become the one who cleans up; nothing while somebody else does, begins an operation, or writes references. Never waits.
  result<std::optional<gc_lock>> try_lock_gc() const;

  /// What live leases keep. \param look_only leaves dead ones where they are; else only for the holder of the gc lock
  result<leased_blobs> leases(bool look_only) const { return read_leases(paths_.leases(), look_only); }

  /// All that lies here, references apart.
  result<inventory> files() const { return take_inventory(paths_); }

  /// Where the blob lies, or would lie.
  std::filesystem::path path_of(const digest& blob) const { return paths_.blob(blob); }

  /// Takes a file of blobs/ that does not hash to its name out of the way. \param examined the file as it was opened and hashed: when
  /// another one has got the name meanwhile, that one stays. \returns where it is now; nothing when the name had another file, or none.
  result<std::optional<std::filesystem::path>> quarantine(const digest& blob, const runtime::file& examined) const;

 private:
  explicit content_store(store_options options)
      : paths_{std::move(options.root)}, sync_(options.sync), journal_from_(options.journal_from) {}
  result<void> prepare() const;
  result<void> sync_blob_names() const;
  /// \param names_synced whether those of the blobs are known to be durable; set when they have been made so
  result<void> put_record(reference_record record, const index_lock& lock, bool& names_synced) const;
  result<void> publish(runtime::file& temporary, std::string_view bytes, const std::filesystem::path& target) const;

  paths paths_;
  bool sync_;
  std::uint64_t journal_from_;
};

}  // namespace gantry::store
