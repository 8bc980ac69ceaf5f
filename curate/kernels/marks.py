"""Named code points that kernels compare with. In a kernel, `ord()` would be a call, not a constant."""

HASH, DOLLAR, APOSTROPHE, STAR, PLUS, COMMA, HYPHEN, DOT, SLASH = (ord(mark) for mark in "#$'*+,-./")
COLON, LESS, EQUALS, MORE, QUESTION, AT, CARET, UNDERSCORE, TILDE = (ord(mark) for mark in ":<=>?@^_~")
DEGREE, EN_DASH, EM_DASH, RIGHT_QUOTE, BULLET, ELLIPSIS = (ord(mark) for mark in "°–—’•…")
LETTER_A, LETTER_C, LETTER_S, LETTER_U, SMALL_S = (ord(letter) for letter in "ACSUs")
DEGREE_SCALES = tuple(ord(letter) for letter in "CFKcfk")
NEWLINE, SPACE_BAR = 10, 32
