#include "base/redact.hpp"
#include "model/json.hpp"
#include "model/json_node.hpp"

#include <gantry/words.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <unordered_set>

namespace gantry::model::json {
namespace {

namespace bj = boost::json;
using node = shape::node;

bool same_letters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Follows the parser's events down the shapes. Boost.JSON calls the on_ members; an error is kept in \ref error and stops the parser.
class handler {
 public:
  // Sizes are limited by the text, which has a cap of its own.
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  handler(const shape& top, const limits& caps) : top_(top.get()), caps_(caps) {}

  std::optional<failure> error;  ///< its text lacks the document's name
  std::string refused_place;     ///< of \ref error
  std::string refused_why;
  std::optional<failure> unsupported;  ///< the first place that is well-formed and cannot be handled: reported when nothing is malformed

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code& ec) { return open(true, ec); }
  bool on_array_begin(error_code& ec) { return open(false, ec); }
  bool on_array_end(std::size_t, error_code&) {
    frames_.pop_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code& ec) {
    const frame& top = frames_.back();
    if (top.shape != nullptr && top.shape->kind == kind::object) {
      for (std::size_t i = 0; i < top.shape->fields.size(); ++i) {
        const field& member = top.shape->fields[i];
        if (member.presence == need::optional || top.seen[i]) continue;
        frames_.back().key = member.name;
        return refuse(errc::malformed_document, "is missing", ec);
      }
    }
    frames_.pop_back();
    return true;
  }

  bool on_key_part(bj::string_view text, std::size_t, error_code&) { return keep(text); }
  bool on_key(bj::string_view text, std::size_t, error_code& ec) {
    keep(text);
    frame& top = frames_.back();
    top.key = std::move(text_);
    text_.clear();
    if (!top.keys.insert(top.key).second) return refuse(errc::malformed_document, "stands there twice", ec);
    if (top.keys.size() > caps_.members) {
      top.key.clear();
      return refuse(errc::limit_exceeded, "has more than " + std::to_string(caps_.members) + " members", ec);
    }
    return find_field(top, ec);
  }

  bool on_string_part(bj::string_view text, std::size_t, error_code&) { return keep(text); }
  bool on_string(bj::string_view text, std::size_t, error_code& ec) {
    keep(text);
    const std::string value = std::move(text_);
    text_.clear();
    const node* at = expect(kind::string, "a string", ec);
    if (at == nullptr) return !error;
    if (at->take_string) {
      if (const check taken = at->take_string(value); !taken) return taken_badly(taken.error(), ec);
    } else {
      frames_.back().shape->take_member(frames_.back().key, value);
    }
    return true;
  }

  bool on_number_part(bj::string_view text, error_code&) { return keep(text); }
  bool on_int64(std::int64_t number, bj::string_view, error_code& ec) {
    text_.clear();
    const node* at = expect(kind::integer, "a number", ec);
    if (at == nullptr) return !error;
    if (at->kind == kind::string) {
      const check taken = at->take_string(std::to_string(number));
      return taken || taken_badly(taken.error(), ec);
    }
    if (number < 0) return refuse(errc::malformed_document, "is negative", ec);
    at->take_integer(static_cast<std::uint64_t>(number));
    return true;
  }
  /// Called for numbers above the range of int64 only.
  bool on_uint64(std::uint64_t, bj::string_view, error_code& ec) {
    text_.clear();
    if (expect(kind::integer, "a number", ec) == nullptr) return !error;
    return refuse(errc::malformed_document, "is above 2^63", ec);
  }
  bool on_double(double number, bj::string_view text, error_code& ec) {
    keep(text);
    const std::string written = std::move(text_);
    text_.clear();
    const node* at = next(ec);
    if (error) return false;
    // Boost.JSON turns integers that do not fit into doubles, and 1e999 into infinity.
    const bool whole = written.find_first_of(".eE") == std::string::npos;
    if (whole || !std::isfinite(number)) return refuse(errc::malformed_document, "is a number outside of 64 bits", ec);
    if (at == nullptr || at->kind == kind::anything) return at == nullptr || seen(*at);
    return mismatch(*at, "a fraction or has an exponent", ec);
  }

  bool on_bool(bool flag, error_code& ec) {
    if (const node* at = expect(kind::boolean, "true or false", ec)) at->take_boolean(flag);
    return !error;
  }

  bool on_null(error_code& ec) {
    const bool optional = !frames_.empty() && frames_.back().object && !frames_.back().null_refused;
    const node* at = next(ec);
    if (error) return false;
    if (at == nullptr || optional || at->kind == kind::anything) return true;
    return mismatch(*at, "null", ec);
  }

  bool on_comment_part(bj::string_view, error_code&) { return true; }
  bool on_comment(bj::string_view, error_code&) { return true; }

 private:
  struct frame {
    const node* shape;  ///< null in a container that is read over
    bool object;
    std::string key;                       ///< object: of the member that is being read
    std::unordered_set<std::string> keys;  ///< object: all so far
    std::vector<bool> seen;                ///< object: the fields so far
    const node* member = nullptr;          ///< object: expected at \ref key; null: read over
    bool null_refused = false;             ///< object: the member at \ref key may not be null
    std::size_t count = 0;                 ///< array: elements so far
  };

  bool keep(bj::string_view text) {
    text_.append(text.data(), text.size());
    return true;
  }

  static bool seen(const node& at) {
    if (at.begin) at.begin();
    return true;
  }

  /// What is expected of the value that begins now; null when it is read over.
  const node* next(error_code& ec) {
    if (frames_.empty()) return &top_;
    frame& top = frames_.back();
    if (top.object) return top.member;
    ++top.count;
    if (top.shape == nullptr) return nullptr;
    if (top.count > top.shape->cap) {
      refuse(errc::limit_exceeded, "is beyond the limit of " + std::to_string(top.shape->cap) + " entries", ec);
      return nullptr;
    }
    if (top.shape->begin_element) top.shape->begin_element();
    return &top.shape->element.get();
  }

  /// The node that takes the value of kind \p given that begins now; null when the value is read over, or refused with \ref error.
  const node* expect(kind given, std::string_view found, error_code& ec) {
    const node* at = next(ec);
    if (error || at == nullptr) return nullptr;
    if (at->kind == given || (given == kind::integer && at->digits)) return at;
    if (at->kind == kind::anything) {
      seen(*at);
    } else {
      mismatch(*at, found, ec);
    }
    return nullptr;
  }

  bool open(bool object, error_code& ec) {
    const node* at = next(ec);
    if (error) return false;
    if (frames_.size() >= caps_.depth) {
      return refuse(errc::limit_exceeded, "is nested deeper than " + std::to_string(caps_.depth) + " levels", ec);
    }
    if (at != nullptr) {
      const bool array = at->kind == kind::array;
      const bool fits =
          at->kind == kind::anything || (object ? at->kind == kind::object || at->kind == kind::map || at->kind == kind::keys : array);
      if (!fits) return mismatch(*at, object ? "an object" : "an array", ec);
      if (at->begin) at->begin();
      if (at->kind == kind::anything) at = nullptr;
    }
    frame next_frame{};
    next_frame.shape = at;
    next_frame.object = object;
    if (at != nullptr && object) next_frame.seen.resize(at->fields.size());
    frames_.push_back(std::move(next_frame));
    return true;
  }

  /// Decides what the member that \p top.key begins must be.
  bool find_field(frame& top, error_code& ec) {
    top.member = nullptr;
    top.null_refused = false;
    if (top.shape == nullptr) return true;
    if (top.shape->kind == kind::keys) {
      top.shape->take_key(top.key);
      return true;
    }
    if (top.shape->kind == kind::map) {
      static const node text = [] {
        node value;
        value.kind = kind::string;
        return value;
      }();
      top.member = &text;
      top.null_refused = true;
      return true;
    }
    for (std::size_t i = 0; i < top.shape->fields.size(); ++i) {
      const field& candidate = top.shape->fields[i];
      if (candidate.name == top.key) {
        top.seen[i] = true;
        top.member = &candidate.value.get();
        top.null_refused = candidate.presence == need::required;
        return true;
      }
      if (top.shape->others == unknown_keys::refuse_alike && same_letters(candidate.name, top.key)) {
        return refuse(errc::malformed_document,
                      "differs from \"" + candidate.name + "\" in letter case only, which readers take for the same", ec);
      }
    }
    if (top.shape->others == unknown_keys::refuse) return refuse(errc::malformed_document, "is not expected there" + nearest(top), ec);
    return true;
  }

  /// What the unknown key of \p top was probably meant to be.
  static std::string nearest(const frame& top) {
    std::vector<std::string> known;
    for (const field& one : top.shape->fields) known.push_back(one.name);
    const std::string hint = did_you_mean(closest(top.key, known));
    return hint.empty() ? hint : "; " + hint;
  }

  bool taken_badly(const failure& why, error_code& ec) {
    if (why.code != errc::unsupported_document) return refuse(why.code, why.text.message(), ec);
    if (!unsupported) unsupported.emplace(why.code, place() + " " + why.text.message());
    return true;
  }

  bool mismatch(const node& at, std::string_view found, error_code& ec) {
    return refuse(errc::malformed_document, "is " + std::string(found) + ", expected " + std::string(name_of(at.kind)), ec);
  }

  bool refuse(error_code code, const std::string& why, error_code& ec) {
    refused_place = place();
    refused_why = why;
    error.emplace(code, refused_place + " " + why);
    ec = code;
    return false;
  }
  bool refuse(errc code, const std::string& why, error_code& ec) { return refuse(make_error_code(code), why, ec); }

  std::string place() const {
    std::string path;
    for (const frame& step : frames_) {
      if (!step.object) {
        path += "[" + std::to_string(step.count == 0 ? 0 : step.count - 1) + "]";
      } else if (!step.key.empty()) {
        if (!path.empty()) path += ".";
        path += clean_text(step.key, 64);
      }
    }
    return path.empty() ? "the top level" : path;
  }

  const node& top_;
  const limits& caps_;
  std::vector<frame> frames_;
  std::string text_;
};

}  // namespace

namespace {

/// Hands \p text over, line by line where somebody follows. \returns how far it was read without an error in \p ec
std::size_t feed(bj::basic_parser<handler>& parser, std::string_view text, position* where, error_code& ec) {
  if (where == nullptr) return parser.write_some(false, text.data(), text.size(), ec);
  std::size_t begin = 0;
  for (where->line = 1;; ++where->line) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::size_t used = parser.write_some(end < text.size(), text.data() + begin, end - begin, ec);
    begin += used;
    if (ec || begin < end || end == text.size()) return begin;
  }
}

}  // namespace

result<void> read(std::string_view text, const shape& top, std::string_view what, const limits& caps, position* where) {
  const std::string name(what);
  if (text.size() > caps.size) {
    return failure(errc::limit_exceeded, name + " has " + std::to_string(text.size()) + " bytes, more than the " +
                                             std::to_string(caps.size) + " that are accepted");
  }
  bj::parse_options options;
  options.max_depth = caps.depth + 1;  // the handler stops one earlier, with the place
  bj::basic_parser<handler> parser(options, top, caps);
  error_code ec;
  const std::size_t used = feed(parser, text, where, ec);
  if (where != nullptr) {
    where->place = parser.handler().refused_place;
    where->why = parser.handler().error ? parser.handler().refused_why
                 : ec                   ? "is not valid JSON: " + ec.message()
                                        : "is not valid JSON: data follows its end";
  }
  const auto unusable = [&](const failure& why) { return failure(why.code, name + " cannot be used: " + why.text.message()); };
  if (parser.handler().error) return unusable(*parser.handler().error);
  if (ec) return failure(errc::malformed_document, name + " is not valid JSON: " + ec.message() + " near byte " + std::to_string(used));
  if (used < text.size())
    return failure(errc::malformed_document, name + " is not valid JSON: data follows its end at byte " + std::to_string(used));
  if (parser.handler().unsupported) return unusable(*parser.handler().unsupported);
  return {};
}

}  // namespace gantry::model::json
