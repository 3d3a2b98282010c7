#include "store/spool.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::store {

class spool::part final : public blob_part {
 public:
  part(descriptor blob, runtime::file file, std::shared_ptr<board> arrived)
      : blob_(std::move(blob)), file_(std::move(file)), arrived_(std::move(arrived)) {}

  const descriptor& blob() const noexcept override { return blob_; }
  const byte_ranges& held() const noexcept override { return nothing_; }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (offset > blob_.size || bytes.size() > blob_.size - offset) {
      return failure(errc::size_mismatch, fmt::format("more bytes than the {} of blob {} were given", blob_.size, blob_.digest.string()));
    }
    return file_.write_at(offset, bytes);
  }
  // Nothing here outlives the process.
  result<void> record(const journal_record& /*piece*/) override { return {}; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override { return file_.read_at(offset, into); }
  void start_writeback(std::uint64_t /*offset*/, std::uint64_t /*length*/) const noexcept override {}

  result<void> commit(const digest& computed) override {
    if (computed != blob_.digest) {
      discard();
      return failure(errc::digest_mismatch, fmt::format("the {} bytes received for blob {} hash to {}; they were dropped", blob_.size,
                                                        blob_.digest.string(), computed.string()));
    }
    arrived_->put(blob_.digest, std::move(file_));
    return {};
  }
  void discard() noexcept override { file_ = {}; }

 private:
  descriptor blob_;
  runtime::file file_;
  std::shared_ptr<board> arrived_;
  byte_ranges nothing_;
};

class spool::reader final : public model::blob_reader {
 public:
  reader(descriptor blob, runtime::file file, std::function<void(const descriptor&)> read)
      : blob_(std::move(blob)), file_(std::move(file)), read_(std::move(read)) {}
  ~reader() override {
    file_ = {};
    if (read_) read_(blob_);
  }
  std::uint64_t size() const noexcept override { return blob_.size; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override { return file_.read_at(offset, into); }
  int native_handle() const noexcept override { return file_.descriptor(); }

 private:
  descriptor blob_;
  runtime::file file_;
  std::function<void(const descriptor&)> read_;
};

result<claim_attempt> spool::claim(const descriptor& /*blob*/) {
  claim_attempt answer;
  answer.lock.emplace();
  return answer;
}

result<std::unique_ptr<blob_part>> spool::begin(const descriptor& blob, ingest_options /*options*/) {
  auto opened = runtime::file::open_unnamed(directory_);
  if (!opened) return opened.error();
  if (auto reserved = opened->reserve(blob.size); !reserved) return reserved.error();
  return std::unique_ptr<blob_part>(std::make_unique<part>(blob, std::move(*opened), arrived_));
}

result<std::unique_ptr<model::blob_reader>> spool::open(const descriptor& blob) {
  std::optional<runtime::file> file = arrived_->take(blob.digest, pointless_);
  if (!file) return failure(errc::cancelled, fmt::format("blob {} did not arrive", blob.digest.string()));
  return std::unique_ptr<model::blob_reader>(std::make_unique<reader>(blob, std::move(*file), read_));
}

}  // namespace gantry::store
