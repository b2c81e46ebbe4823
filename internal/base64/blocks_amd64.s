//go:build !purego

#include "textflag.h"

// The algorithms are those of Wojciech Muła and Daniel Lemire, "Faster Base64
// Encoding and Decoding using AVX2 Instructions", ACM Transactions on the Web
// 12 (2018). A register holds two lanes of 16 octets; constants of one lane are
// loaded into both.

// Encoding: each group of three octets, a b c, is spread to b a c b.
DATA spread<>+0(SB)/8, $0x0405030401020001
DATA spread<>+8(SB)/8, $0x0a0b090a07080607
GLOBL spread<>(SB), RODATA|NOPTR, $16

// The numbers of six bits at even and at odd places of these, and the factors
// that shift each to the end of its octet.
DATA evenPlaces<>+0(SB)/4, $0x0fc0fc00
DATA evenPlaces<>+4(SB)/4, $0x04000040
GLOBL evenPlaces<>(SB), RODATA|NOPTR, $8
DATA oddPlaces<>+0(SB)/4, $0x003f03f0
DATA oddPlaces<>+4(SB)/4, $0x01000010
GLOBL oddPlaces<>(SB), RODATA|NOPTR, $8

// What has to be added to a number of six bits to make its character, by the
// range that the number is in: 0 for 26…51, 1 … 10 for the digits, 11 and 12
// for '+' and '/', 13 for 0…25.
DATA toText<>+0(SB)/8, $0xfcfcfcfcfcfcfc47
DATA toText<>+8(SB)/8, $0x000041f0edfcfcfc
GLOBL toText<>(SB), RODATA|NOPTR, $16

// The last number of a lower-case letter, the first of one, and the range of
// the capitals.
DATA ranges<>+0(SB)/4, $0x000d1a33
GLOBL ranges<>(SB), RODATA|NOPTR, $4

// func encodeAVX2(dst, src *byte, blocks int)
TEXT ·encodeAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	VBROADCASTI128 spread<>(SB), Y8
	VBROADCASTI128 toText<>(SB), Y9
	VPBROADCASTD evenPlaces<>+0(SB), Y10
	VPBROADCASTD evenPlaces<>+4(SB), Y11
	VPBROADCASTD oddPlaces<>+0(SB), Y12
	VPBROADCASTD oddPlaces<>+4(SB), Y13
	VPBROADCASTB ranges<>+0(SB), Y14
	VPBROADCASTB ranges<>+1(SB), Y15
	VPBROADCASTB ranges<>+2(SB), Y7

encode:
	VMOVDQU      (SI), X0
	VINSERTI128  $1, 12(SI), Y0, Y0
	VPSHUFB      Y8, Y0, Y0
	VPAND        Y10, Y0, Y1  // the numbers at even places …
	VPMULHUW     Y11, Y1, Y1
	VPAND        Y12, Y0, Y2  // … and at odd ones
	VPMULLW      Y13, Y2, Y2
	VPOR         Y1, Y2, Y0   // four numbers of six bits
	VPSUBUSB     Y14, Y0, Y1  // 0 for 0…51, 1…12 for the rest
	VPCMPGTB     Y0, Y15, Y2  // 0…25
	VPAND        Y7, Y2, Y2   // 13 for these
	VPOR         Y2, Y1, Y1
	VPSHUFB      Y1, Y9, Y1
	VPADDB       Y0, Y1, Y0
	VMOVDQU      Y0, (DI)
	ADDQ         $24, SI
	ADDQ         $32, DI
	DECQ         CX
	JNZ          encode
	VZEROUPPER
	RET

// Decoding: a character is of the alphabet if the entries of its low and of its
// high half have no bit in common.
DATA lowHalf<>+0(SB)/8, $0x1111111111111115
DATA lowHalf<>+8(SB)/8, $0x1a1b1b1b1a131111
GLOBL lowHalf<>(SB), RODATA|NOPTR, $16
DATA highHalf<>+0(SB)/8, $0x0804080402011010
DATA highHalf<>+8(SB)/8, $0x1010101010101010
GLOBL highHalf<>(SB), RODATA|NOPTR, $16

// What has to be added to a character to make its number, by its high half; by
// 1 for '/'.
DATA toNumber<>+0(SB)/8, $0xb9b9bfbf04131000
DATA toNumber<>+8(SB)/8, $0x0000000000000000
GLOBL toNumber<>(SB), RODATA|NOPTR, $16

DATA slash<>+0(SB)/1, $0x2f
GLOBL slash<>(SB), RODATA|NOPTR, $1

// Factors that join numbers of six bits to pairs, and these to fours.
DATA join<>+0(SB)/4, $0x01400140
DATA join<>+4(SB)/4, $0x00011000
GLOBL join<>(SB), RODATA|NOPTR, $8

// The three octets of each four, in order, and then the four-octet words that
// are full.
DATA gather<>+0(SB)/8, $0x090a040506000102
DATA gather<>+8(SB)/8, $0xffffffff0c0d0e08
GLOBL gather<>(SB), RODATA|NOPTR, $16
DATA words<>+0(SB)/8, $0x0000000100000000
DATA words<>+8(SB)/8, $0x0000000400000002
DATA words<>+16(SB)/8, $0x0000000600000005
DATA words<>+24(SB)/8, $0x0000000700000007
GLOBL words<>(SB), RODATA|NOPTR, $32

// func decodeAVX2(dst, text *byte, blocks int) (done int)
TEXT ·decodeAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ CX, DX
	VBROADCASTI128 lowHalf<>(SB), Y8
	VBROADCASTI128 highHalf<>(SB), Y9
	VBROADCASTI128 toNumber<>(SB), Y10
	VBROADCASTI128 gather<>(SB), Y11
	VMOVDQU words<>(SB), Y12
	VPBROADCASTB slash<>+0(SB), Y13
	VPBROADCASTD join<>+0(SB), Y14
	VPBROADCASTD join<>+4(SB), Y15

decode:
	VMOVDQU      (SI), Y0
	VPSRLD       $4, Y0, Y1
	VPAND        Y13, Y1, Y1  // high halves; VPSHUFB ignores bit 5
	VPAND        Y13, Y0, Y2  // low halves
	VPSHUFB      Y1, Y9, Y3
	VPSHUFB      Y2, Y8, Y4
	VPTEST       Y3, Y4
	JNZ          end
	VPCMPEQB     Y13, Y0, Y2  // '/' is 0x2f
	VPADDB       Y2, Y1, Y1
	VPSHUFB      Y1, Y10, Y1
	VPADDB       Y1, Y0, Y0   // numbers of six bits
	VPMADDUBSW   Y14, Y0, Y0  // pairs of 12
	VPMADDWD     Y15, Y0, Y0  // pairs of 24
	VPSHUFB      Y11, Y0, Y0
	VPERMD       Y0, Y12, Y0
	VMOVDQU      X0, (DI)
	VEXTRACTI128 $1, Y0, X0
	VMOVQ        X0, 16(DI)
	ADDQ         $32, SI
	ADDQ         $24, DI
	DECQ         CX
	JNZ          decode

end:
	SUBQ CX, DX
	MOVQ DX, done+24(FP)
	VZEROUPPER
	RET
