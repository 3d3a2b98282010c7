#include "http/chunked.hpp"

#include <algorithm>
#include <cstring>

namespace gantry::http {
namespace {

int hex_value(unsigned char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

bool is_text(unsigned char byte) { return byte == '\t' || (byte >= 0x20 && byte != 0x7f); }

failure malformed(const char* what) { return {errc::protocol_error, what}; }

}  // namespace

result<chunked_decoder::step> chunked_decoder::decode(std::span<const std::byte> in, std::span<std::byte> out) {
  step done_here;
  while (done_here.consumed < in.size() && state_ != state::done) {
    if (state_ != state::data) {
      if (auto taken = take(std::to_integer<unsigned char>(in[done_here.consumed])); !taken) return taken.error();
      ++done_here.consumed;
      continue;
    }
    const std::size_t room = out.size() - done_here.produced;
    if (room == 0) break;
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>({size_, in.size() - done_here.consumed, room}));
    std::memmove(out.data() + done_here.produced, in.data() + done_here.consumed, part);
    done_here.consumed += part;
    done_here.produced += part;
    size_ -= part;
    if (size_ == 0) state_ = state::data_cr;
  }
  return done_here;
}

result<void> chunked_decoder::take(unsigned char byte) {
  switch (state_) {
    case state::size_first:
    case state::size:
      if (const int digit = hex_value(byte); digit >= 0) {
        // Fifteen digits are 60 bits; a longer size, zeros included, is no size that a server has reason to write.
        if (++digits_ > 15) return malformed("a chunk of the answer has a size that is out of range");
        size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
        state_ = state::size;
        return {};
      }
      if (state_ == state::size_first) return malformed("a chunk of the answer has no size");
      if (byte == '\r') {
        state_ = state::size_lf;
        return {};
      }
      if (byte != ';' && byte != ' ' && byte != '\t') return malformed("a chunk of the answer has a malformed size");
      state_ = state::extension;
      [[fallthrough]];
    case state::extension:
      if (byte == '\r') {
        state_ = state::size_lf;
        return {};
      }
      if (!is_text(byte)) return malformed("a chunk extension of the answer holds control characters");
      if (++extensions_ > extension_limit) return failure(errc::limit_exceeded, "the chunk extensions of the answer are larger than 8 KiB");
      return {};
    case state::size_lf:
      if (byte != '\n') return malformed("a chunk size of the answer does not end in CR LF");
      state_ = size_ == 0 ? state::trailer_line : state::data;
      digits_ = 0;
      return {};
    case state::data_cr:
      if (byte != '\r') return malformed("a chunk of the answer is longer than its size");
      state_ = state::data_lf;
      return {};
    case state::data_lf:
      if (byte != '\n') return malformed("a chunk of the answer does not end in CR LF");
      state_ = state::size_first;
      return {};
    case state::trailer_line:
      if (byte == '\r') {
        state_ = state::end_lf;
        return {};
      }
      if (byte == ' ' || byte == '\t') return malformed("the trailers of the answer have a folded line");
      state_ = state::trailer;
      [[fallthrough]];
    case state::trailer:
      if (++trailers_ > trailer_limit) return failure(errc::limit_exceeded, "the trailers of the answer are larger than 32 KiB");
      if (byte == '\r') {
        state_ = state::trailer_lf;
        return {};
      }
      if (!is_text(byte)) return malformed("the trailers of the answer hold control characters");
      return {};
    case state::trailer_lf:
      if (byte != '\n') return malformed("a trailer of the answer does not end in CR LF");
      state_ = state::trailer_line;
      return {};
    case state::end_lf:
      if (byte != '\n') return malformed("the answer does not end in CR LF");
      state_ = state::done;
      return {};
    case state::data:
    case state::done:
      break;
  }
  return failure(errc::internal_error, "the chunk decoder was given a byte that it does not want");
}

}  // namespace gantry::http
