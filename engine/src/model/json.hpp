#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Strict JSON that is read straight into structures: the caller describes what may stand where, the reader calls back while it parses and
/// keeps no document. Refused everywhere, also in members nobody asked for: duplicate keys, numbers outside of 64 bits, infinities, nesting
/// beyond the limit, invalid UTF-8, comments, trailing data.
///
/// \code
/// std::uint64_t version = 0;
/// std::vector<std::string> names;
/// const json::shape top = json::object({{"version", json::integer(version), json::need::required}, {"names", json::strings(names)}});
/// if (const auto done = json::read(text, top, "the record"); !done) return done.error();
/// \endcode
namespace gantry::model::json {

/// Caps of one document (DESIGN section 6).
struct limits {
  std::size_t size = std::size_t{8} << 20;  ///< bytes of text
  std::size_t depth = 32;                   ///< objects and arrays inside each other
  std::size_t members = 10'000;             ///< keys of one object
};

class shape;
struct field;

/// What happens to keys of an object that no field names.
enum class unknown_keys {
  skip,          ///< read over
  refuse_alike,  ///< read over, but one that differs from a field in letter case only is an error: other parsers take it for the field
  refuse,        ///< an error
};

enum class need {
  optional,  ///< may be absent or null, which is the same
  present,   ///< must be there, may be null
  required,  ///< must be there and not null
};

/// The value that is expected at one place. Cheap to copy; whatever the callbacks and targets refer to must outlive the \ref read.
class shape {
 public:
  struct node;

  /// Anything, read over.
  shape();
  explicit shape(std::shared_ptr<const node> value);

  const node& get() const noexcept { return *node_; }

 private:
  std::shared_ptr<const node> node_;
};

/// A member of an object.
struct field {
  std::string name;
  shape value;
  need presence = need::optional;
};

using check = result<void>;

/// Anything; \p seen is called when it is not null.
shape anything(std::function<void()> seen);

/// A string. The callback may refuse it: its sentence is continued after the place, e.g. "is not a digest".
shape string(std::function<check(std::string_view)> take);
shape string(std::string& into);

/// The same, and an integer counts as its digits, with its sign: what may be written as 90 and as "90s".
shape string_or_integer(std::function<check(std::string_view)> take);

/// An integer from 0 to 2^63 - 1, written without fraction or exponent.
shape integer(std::uint64_t& into);
shape integer(std::function<void(std::uint64_t)> take);

shape boolean(bool& into);
shape boolean(std::function<void(bool)> take);

/// An object. \p begin is called when it opens, e.g. to create what the fields write to.
shape object(std::vector<field> fields, unknown_keys others = unknown_keys::skip, std::function<void()> begin = {});

/// An object of strings.
shape map(std::map<std::string, std::string>& into);
shape map(std::function<void(std::string key, std::string value)> take);

/// An object of anything, of which only the keys count (Go's set of strings).
shape keys(std::function<void(std::string key)> take);

/// An array. \p begin is called when it opens, \p begin_element before each element, e.g. to append what \p element writes to. More than \p
/// cap elements are errc::limit_exceeded.
shape array(shape element, std::function<void()> begin_element = {}, std::size_t cap = 10'000, std::function<void()> begin = {});

/// An array of strings.
shape strings(std::vector<std::string>& into, std::size_t cap = 10'000);
shape strings(std::function<std::vector<std::string>&()> into, std::size_t cap = 10'000);

/// Where a reading is and where it ended, for documents that people write.
struct position {
  std::size_t line = 1;  ///< from 1; while a callback runs, the line of what it is called for
  std::string place;     ///< what was refused, e.g. `images[2].tags[0]`; empty for text that is no JSON
  std::string why;       ///< e.g. "is a string, expected an array"
};

/// Reads \p text. \p what names the document in errors ("the manifest of nginx:1.25").
/// \returns errc::malformed_document with place and reason, errc::limit_exceeded, or what a callback returned; errc::unsupported_document
/// of a
///          callback only when the whole document is well-formed. Targets then hold a part.
/// \param where when given, follows the reading
result<void> read(std::string_view text, const shape& top, std::string_view what, const limits& caps = {}, position* where = nullptr);

}  // namespace gantry::model::json
