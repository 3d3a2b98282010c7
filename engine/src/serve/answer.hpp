#pragma once

#include "http/message.hpp"
#include "model/blob_source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gantry::serve {

class blob_feed;

/// Bytes [offset, offset + length) of a blob that is in the store.
struct stored_part {
  std::shared_ptr<model::blob_reader> blob;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// The same of a blob that is still on its way into the store.
struct arriving_part {
  std::shared_ptr<blob_feed> blob;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// What is sent back. Content-Length, Date and Connection are added when it is serialized.
struct answer {
  unsigned status = 200;
  std::vector<http::header> headers;
  std::variant<std::string, stored_part, arriving_part> body;
  bool close = false;  ///< this connection is not used again

  answer& add(std::string_view name, std::string value) {
    headers.push_back({std::string(name), std::move(value)});
    return *this;
  }
  /// The value of a field, empty when it is absent.
  std::string_view header(std::string_view name) const;
  /// Bytes of the body.
  std::uint64_t length() const;
};

/// An error in the form of the distribution-spec ("Error Codes"); \p message is one sentence without control characters.
answer error_answer(unsigned status, std::string_view code, std::string_view message);

/// 404 for a repository that is not here.
answer unknown_name(std::string_view name);

/// 200 with a JSON document.
answer json_answer(std::string body, std::string_view media_type = "application/json");

/// Status line and fields, blank line included. 304 has no Content-Length. Values that no field may hold are left out with their field.
/// \param keep_alive whether another request may follow
/// \param date an IMF-fixdate (RFC 9110 section 5.6.7)
std::string serialize_head(const answer& value, bool keep_alive, std::string_view date);

/// An IMF-fixdate.
std::string http_date(std::int64_t seconds_since_epoch);

}  // namespace gantry::serve
