#include "serve/passing_target.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::serve {

bool cannot_keep(const failure& why) { return why.code == errc::no_space || why.code == errc::access_denied; }

class passing_target::part final : public store::blob_part {
 public:
  part(descriptor blob, std::shared_ptr<const runtime::file> file) : blob_(std::move(blob)), file_(std::move(file)) {}

  const descriptor& blob() const noexcept override { return blob_; }
  const store::byte_ranges& held() const noexcept override { return nothing_; }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (offset > blob_.size || bytes.size() > blob_.size - offset) {
      return failure(errc::size_mismatch, fmt::format("more bytes than the {} of blob {} were given", blob_.size, blob_.digest.string()));
    }
    return file_->write_at(offset, bytes);
  }
  // Nothing here outlives the process.
  result<void> record(const store::journal_record& /*piece*/) override { return {}; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override { return file_->read_at(offset, into); }
  void start_writeback(std::uint64_t /*offset*/, std::uint64_t /*length*/) const noexcept override {}

  result<void> commit(const digest& computed) override {
    if (computed == blob_.digest) return {};
    return failure(errc::digest_mismatch, fmt::format("the {} bytes received for blob {} hash to {}; they were dropped", blob_.size,
                                                      blob_.digest.string(), computed.string()));
  }
  void discard() noexcept override { file_.reset(); }

 private:
  descriptor blob_;
  std::shared_ptr<const runtime::file> file_;
  store::byte_ranges nothing_;
};

class passing_target::reader final : public model::blob_reader {
 public:
  reader(std::uint64_t size, std::shared_ptr<const runtime::file> file) : size_(size), file_(std::move(file)) {}
  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override { return file_->read_at(offset, into); }
  int native_handle() const noexcept override { return file_->descriptor(); }

 private:
  std::uint64_t size_;
  std::shared_ptr<const runtime::file> file_;
};

result<store::claim_attempt> passing_target::claim(const descriptor& /*blob*/) {
  store::claim_attempt answer;
  answer.lock.emplace();
  return answer;
}

result<std::unique_ptr<store::blob_part>> passing_target::begin(const descriptor& blob, store::ingest_options /*options*/) {
  auto opened = runtime::file::open_unnamed(directory_);
  if (!opened) {
    failure why = opened.error();
    // Without the directory there is no room either.
    if (why.code == errc::file_not_found) why.code = errc::access_denied;
    return why;
  }
  if (auto reserved = opened->reserve(blob.size); !reserved) return reserved.error();
  data_ = std::make_shared<const runtime::file>(std::move(*opened));
  return std::unique_ptr<store::blob_part>(std::make_unique<part>(blob, data_));
}

std::shared_ptr<model::blob_reader> passing_target::stored(const descriptor& blob) const {
  return data_ ? std::make_shared<reader>(blob.size, data_) : nullptr;
}

}  // namespace gantry::serve
