// As much JSON as a flat configuration needs: the texts and numbers of one object, by their keys.
// What is deeper down is passed over. The gateway has made sure that it is JSON.

#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Behind the text that begins here with its quotation mark.
static const char *json_past_text(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++) {
    if (*at == '\\') at++;
  }
  return at < end ? at + 1 : end;
}

// Where the value of a key of the outermost object begins; NULL without one.
static const char *json_find(const uint8_t *json, size_t length, const char *key) {
  const char *at = (const char *)json, *end = at + length;
  size_t size = strlen(key);
  int depth = 0;
  while (at < end) {
    if (*at == '"') {
      const char *begin = at + 1;
      at = json_past_text(at, end);
      int same = (size_t)(at - 1 - begin) == size && memcmp(begin, key, size) == 0;
      while (at < end && strchr(" \t\r\n", *at)) at++;
      if (at < end && *at == ':' && depth == 1 && same) {
        do at++;
        while (at < end && strchr(" \t\r\n", *at));
        return at < end ? at : NULL;
      }
      continue;
    }
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    at++;
  }
  return NULL;
}

static unsigned json_hex(const char *at) {
  unsigned value = 0;
  for (int digit = 0; digit < 4; digit++) {
    char c = at[digit];
    value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return value;
}

// Writes a character as UTF-8, and says behind where.
static char *json_utf8(char *to, unsigned c) {
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xC0 | c >> 6);
    *to++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *to++ = (char)(0xE0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 63));
    *to++ = (char)(0x80 | (c & 63));
  } else {
    *to++ = (char)(0xF0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 63));
    *to++ = (char)(0x80 | (c >> 6 & 63));
    *to++ = (char)(0x80 | (c & 63));
  }
  return to;
}

// The text of a key, or the usual one. To be freed.
static char *json_text(const uint8_t *json, size_t length, const char *key, const char *usual) {
  const char *at = json_find(json, length, key), *end = (const char *)json + length;
  if (!at || *at != '"') return strdup(usual);
  const char *last = json_past_text(at, end) - 1;
  char *text = malloc((size_t)(last - at) + 1), *to = text;
  for (at++; at < last; at++) {
    if (*at != '\\') {
      *to++ = *at;
      continue;
    }
    switch (*++at) {
      case 'n': *to++ = '\n'; break;
      case 't': *to++ = '\t'; break;
      case 'r': *to++ = '\r'; break;
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case 'u': {
        if (last - at < 5) break;
        unsigned c = json_hex(at + 1);
        at += 4;
        // Two halves of one character.
        if (c >= 0xD800 && c < 0xDC00 && last - at > 6 && at[1] == '\\' && at[2] == 'u') {
          c = 0x10000 + ((c - 0xD800) << 10) + (json_hex(at + 3) - 0xDC00);
          at += 6;
        }
        to = json_utf8(to, c);
        break;
      }
      default: *to++ = *at;
    }
  }
  *to = '\0';
  return text;
}

// The number of a key, or the usual one.
static double json_number(const uint8_t *json, size_t length, const char *key, double usual) {
  const char *at = json_find(json, length, key), *end = (const char *)json + length;
  if (!at || *at == '"') return usual;
  // strtod wants an end that is none of the number's.
  char number[32] = {0};
  for (size_t place = 0; place + 1 < sizeof number && at < end && strchr("+-.0123456789eE", *at); place++) {
    number[place] = *at++;
  }
  return number[0] ? strtod(number, NULL) : usual;
}

#endif
