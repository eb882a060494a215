/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading along one line.
 *
 * A line ends at `end`, and the byte there is a '\n' or '\r': whoever goes on
 * while bytes are digits, or letters, stops there by itself. Behind it
 * SP_PADDING bytes can be read, whatever they are: eight bytes are looked at
 * in one go, since a loop that ends after one digit here and after five there
 * is what a processor cannot foresee.
 */
#ifndef SHRINKPY_RECORDINGS_CURSOR_H
#define SHRINKPY_RECORDINGS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the scanner reads eight digits as one little-endian number"
#endif

struct cursor {
	const char *at;
	const char *end;
};

enum {
	CHAR_WORD = 1, /* of an identifier, or of a time */
	CHAR_HEX = 2,
};

static const uint8_t char_kinds[256] = {
	['0' ... '9'] = CHAR_WORD | CHAR_HEX,
	['a' ... 'f'] = CHAR_WORD | CHAR_HEX,
	['A' ... 'F'] = CHAR_WORD | CHAR_HEX,
	['g' ... 'z'] = CHAR_WORD,
	['G' ... 'Z'] = CHAR_WORD,
	['_'] = CHAR_WORD,
	['.'] = CHAR_WORD,
};

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_hex(char c)
{
	return char_kinds[(unsigned char)c] & CHAR_HEX;
}

static inline bool is_word(char c)
{
	return char_kinds[(unsigned char)c] & CHAR_WORD;
}

static inline uint64_t load8(const char *p)
{
	uint64_t text;

	memcpy(&text, p, sizeof(text));
	return text;
}

/* memcmp(), of which a compiler calls the library's for more than a few bytes. */
static inline __attribute__((always_inline)) bool equal(const char *a,
							const char *b, size_t n)
{
	if (n < 8)
		return !memcmp(a, b, n);
	for (size_t i = 0; i + 8 <= n; i += 8)
		if (load8(a + i) != load8(b + i))
			return false;
	return load8(a + n - 8) == load8(b + n - 8);
}

/* A byte in each of eight places. */
static const uint64_t each = 0x0101010101010101;
static const uint64_t high_bits = 0x8080808080808080;

static inline void skip_blanks(struct cursor *c)
{
	/* One, nearly always. */
	c->at += *c->at == ' ';
	while (is_blank(*c->at)) {
		while (load8(c->at) == ' ' * each)
			c->at += 8;
		c->at += is_blank(*c->at);
	}
}

/* Where the blanks that end at `end` begin. */
static inline const char *trimmed(const char *begin, const char *end)
{
	while (end - begin >= 8) {
		uint64_t text = load8(end - 8) ^ ' ' * each;

		if (text) {
			end -= __builtin_clzll(text) / 8;
			break;
		}
		end -= 8;
	}
	while (end > begin && is_blank(end[-1]))
		end--;
	return end;
}

/* Where the word that ends at `end` begins. */
static inline const char *word_begin(const char *begin, const char *end)
{
	while (end - begin >= 8) {
		uint64_t text = load8(end - 8) ^ ' ' * each;
		/* The high bit of each byte that is a blank. */
		uint64_t blanks = ~(((text & ~high_bits) + ~high_bits) | text) &
				  high_bits;

		if (blanks)
			return end - __builtin_clzll(blanks) / 8;
		end -= 8;
	}
	while (end > begin && end[-1] != ' ')
		end--;
	return end;
}

static inline bool at_end(const struct cursor *c)
{
	return c->at >= c->end;
}

static inline bool looking_at(const struct cursor *c, const char *text,
			      size_t length)
{
	return (size_t)(c->end - c->at) >= length &&
	       !memcmp(c->at, text, length);
}

/* Step over a literal, if it stands there. */
#define TAKE(c, literal)                                                       \
	(looking_at(c, literal, sizeof(literal) - 1) &&                        \
	 ((c)->at += sizeof(literal) - 1, true))

/* Eight values of 0 to base - 1, the first one in the lowest byte, to the number they are. */
static inline uint64_t join(uint64_t digits, uint64_t base)
{
	digits = (digits * base + (digits >> 8)) & 0x00ff00ff00ff00ff;
	digits = (digits * base * base + (digits >> 16)) & 0x0000ffff0000ffff;
	return (digits * base * base * base * base + (digits >> 32)) &
	       0xffffffff;
}

/* The number that up to eight digits at p are; how many there are. */
static inline unsigned int eight_digits(const char *p, uint64_t *value)
{
	uint64_t text = load8(p) ^ '0' * each;
	/* The first byte that is no digit; what a carry does to those after it does not matter. */
	uint64_t others = ((text + 0x76 * each) | text) & high_bits;
	unsigned int n = others ? (unsigned int)__builtin_ctzll(others) / 8 : 8;

	/* Zeros in front, so that there are eight. */
	*value = join(n ? text << (8 - n) * 8 : 0, 10);
	return n;
}

/* The same for those that end at `end`, of which fewer than eight count. */
static inline unsigned int digits_before(const char *end, uint64_t *value)
{
	uint64_t text = load8(end - 8) ^ '0' * each;
	uint64_t others =
		(((text & ~high_bits) + 0x76 * each) | text) & high_bits;
	unsigned int n = others ? (unsigned int)__builtin_clzll(others) / 8 : 8;

	*value = join(n ? text >> (8 - n) * 8 << (8 - n) * 8 : 0, 10);
	return n;
}

/* The high bit of each byte of seven bits that is from first to last. */
static inline uint64_t in_range(uint64_t text, uint64_t first, uint64_t last)
{
	return (text + (0x80 - first) * each) & ~(text + (0x7f - last) * each) &
	       high_bits;
}

/* The number that up to eight hexadecimal digits at p are; how many there are. */
static inline unsigned int eight_hex(const char *p, uint64_t *value)
{
	uint64_t text = load8(p), low = text & ~high_bits;
	uint64_t hex = (in_range(low, '0', '9') |
			in_range(low | 0x20 * each, 'a', 'f')) &
		       ~text;
	uint64_t others = ~hex & high_bits;
	unsigned int n = others ? (unsigned int)__builtin_ctzll(others) / 8 : 8;

	text = (low & 0x0f * each) + 9 * (low >> 6 & each);
	*value = join(n ? text << (8 - n) * 8 : 0, 16);
	return n;
}

/* Hexadecimal digits at *p, which moves past them; false: they are more than 64 bits. */
static __attribute__((noinline, unused)) bool take_hex(const char **p,
						       uint64_t *value)
{
	unsigned int n = eight_hex(*p, value);
	bool fits = true;

	*p += n;
	while (n == 8) {
		uint64_t more;

		n = eight_hex(*p, &more);
		*p += n;
		fits &= n == 0 || *value >> (64 - 4 * n) == 0;
		*value = *value << 4 * n | more;
	}
	return fits;
}

static const uint32_t power_of_ten[] = { 1,       10,       100,
					 1000,    10000,    100000,
					 1000000, 10000000, 100000000 };

static __attribute__((noinline, unused)) bool more_digits(const char **p,
							  uint64_t *value)
{
	bool fits = true;
	unsigned int n;

	do {
		uint64_t more;

		n = eight_digits(*p, &more);
		*p += n;
		fits &= !__builtin_mul_overflow(*value, power_of_ten[n], value);
		fits &= !__builtin_add_overflow(*value, more, value);
	} while (n == 8);
	return fits;
}

/* Digits at *p, which moves past them; false: they are more than 64 bits, and *value is of no use. */
static inline bool take_digits(const char **p, uint64_t *value)
{
	unsigned int n = eight_digits(*p, value);

	*p += n;
	return n < 8 || more_digits(p, value);
}

enum number {
	NUMBER_NONE, /* no digit there; the cursor has not moved */
	NUMBER_OK,
	NUMBER_BIG, /* more than 64 bits */
};

/* A decimal number with or without a sign, or 0x and a hexadecimal one; two's complement. */
static inline __attribute__((always_inline)) enum number
take_number(struct cursor *c, uint64_t *value)
{
	const char *p = c->at;
	bool negative = *p == '-';
	bool big = false;
	uint64_t n = 0;

	p += negative;
	if (!is_digit(*p))
		return NUMBER_NONE;
	if (__builtin_expect(p[0] == '0' && p[1] == 'x' && is_hex(p[2]), 0)) {
		p += 2;
		big = !take_hex(&p, &n);
	} else {
		big = !take_digits(&p, &n);
	}
	if (negative) {
		big |= n > (uint64_t)1 << 63;
		n = -n;
	}
	c->at = p;
	*value = n;
	return big ? NUMBER_BIG : NUMBER_OK;
}

#endif
