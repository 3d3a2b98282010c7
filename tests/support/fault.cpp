#include "support/fault.hpp"

#include <utility>

namespace gantry::test {
namespace {

fault of(fault::kind what, std::uint64_t amount = 0) {
  fault result;
  result.what = what;
  result.amount = amount;
  return result;
}

}  // namespace

fault answer_with(unsigned status, header_list headers, std::string body) {
  fault result = of(fault::kind::answer);
  result.status = status;
  result.headers = std::move(headers);
  result.body = std::move(body);
  return result;
}

fault too_many_requests(const std::string& retry_after) {
  header_list headers;
  if (!retry_after.empty()) headers.emplace_back("Retry-After", retry_after);
  return answer_with(429, std::move(headers), R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down, please"}]})");
}

fault redirect_to(const std::string& location, unsigned status) { return answer_with(status, {{"Location", location}}); }

fault truncate_after(std::uint64_t bytes) { return of(fault::kind::truncate, bytes); }
fault stall_after(std::uint64_t bytes) { return of(fault::kind::stall, bytes); }
fault reset_after(std::uint64_t bytes) { return of(fault::kind::reset, bytes); }
fault no_answer() { return of(fault::kind::silence); }

fault hang_up() {
  fault made = of(fault::kind::silence);
  made.then_close = true;
  return made;
}
fault wrong_byte_at(std::uint64_t offset) { return of(fault::kind::wrong_bytes, offset); }
fault range_ignored() { return of(fault::kind::ignore_range); }

fault range_ignored_and_cut(std::uint64_t bytes) {
  fault result = of(fault::kind::ignore_range, bytes);
  result.then_close = true;
  return result;
}

fault ranges_refused(const std::string& content_range) {
  fault made = of(fault::kind::refuse_range);
  made.body = content_range;
  return made;
}

fault content_range_of(std::function<std::string(std::uint64_t, std::uint64_t, std::uint64_t)> text) {
  fault result = of(fault::kind::content_range);
  result.range_text = std::move(text);
  return result;
}

fault in_chunks() { return of(fault::kind::chunked); }
fault surplus_of(std::uint64_t bytes) { return of(fault::kind::surplus, bytes); }
fault resized_to(std::uint64_t bytes) { return of(fault::kind::resize, bytes); }
fault not_http() { return of(fault::kind::garbage); }
fault header_of(std::uint64_t bytes) { return of(fault::kind::huge_header, bytes); }
fault endless_body() { return of(fault::kind::endless_body); }

fault endless_hints() {
  fault result = of(fault::kind::endless_head);
  result.again = "HTTP/1.1 103 Early Hints\r\nLink: </v2/>; rel=preconnect\r\n\r\n";
  return result;
}

fault endless_header() {
  fault result = of(fault::kind::endless_head);
  result.body = "HTTP/1.1 200 OK\r\n";
  result.again = "X-Padding: " + std::string(1000, 'p') + "\r\n";
  return result;
}

fault dripping_header(std::chrono::milliseconds pause) {
  fault result = of(fault::kind::endless_head);
  result.body = "HTTP/1.1 200 OK\r\nX-Padding: ";
  result.again = "p";
  result.pause = pause;
  return result;
}

fault late_by(std::chrono::milliseconds pause) {
  fault result = of(fault::kind::late);
  result.pause = pause;
  return result;
}

fault drip_of(std::uint64_t bytes, std::chrono::milliseconds pause) {
  fault result = of(fault::kind::drip, bytes);
  result.pause = pause;
  return result;
}

}  // namespace gantry::test
