//go:build !purego

#include "textflag.h"

// Tables have an entry for each low or high half of an octet. VPSHUFB takes 16
// of them, twice, and gives 0 for octets that are not ASCII.

// An ASCII octet is of a name if the entries of its halves have a bit in common:
// 1 for 41…4f and 61…6f, 2 for 50…5a and 70…7a, 4 for the digits and 3a, 8 for
// 2d and 2e, 16 for 5f.
DATA nameLow<>+0(SB)/8, $0x0707070707070706
DATA nameLow<>+8(SB)/8, $0x1109090101070707
GLOBL nameLow<>(SB), RODATA|NOPTR, $16
DATA nameHigh<>+0(SB)/8, $0x0201120104080000
DATA nameHigh<>+8(SB)/8, $0x0000000000000000
GLOBL nameHigh<>(SB), RODATA|NOPTR, $16

// An octet is in one of these sets if the entry of its low half is that octet.
DATA valueEnds<>+0(SB)/8, $0x2726000000220001 // quotes & < TAB LF CR
DATA valueEnds<>+8(SB)/8, $0x00000d3c000a0900
GLOBL valueEnds<>(SB), RODATA|NOPTR, $16
DATA textEnds<>+0(SB)/8, $0x0026000000000001 // & < > CR
DATA textEnds<>+8(SB)/8, $0x003e0d3c00000000
GLOBL textEnds<>(SB), RODATA|NOPTR, $16
DATA plainEnds<>+0(SB)/8, $0x0026000000000001 // & < CR, and ] by itself
DATA plainEnds<>+8(SB)/8, $0x00000d3c00000000
GLOBL plainEnds<>(SB), RODATA|NOPTR, $16
DATA space<>+0(SB)/8, $0x0000000000000001 // TAB LF CR
DATA space<>+8(SB)/8, $0x00000d00000a0900
GLOBL space<>(SB), RODATA|NOPTR, $16

DATA lowHalf<>+0(SB)/1, $0x0f
GLOBL lowHalf<>(SB), RODATA|NOPTR, $1

DATA bracket<>+0(SB)/1, $0x5d
GLOBL bracket<>(SB), RODATA|NOPTR, $1

// The first octet that is no control character, and those that are counted.
DATA octet<>+0(SB)/4, $0x3d3e3c20
GLOBL octet<>(SB), RODATA|NOPTR, $4

// NAME puts the bits of the octets of x that are in no name into r.
#define NAME(x, r) \
	VPSRLW    $4, x, Y2; \
	VPAND     Y12, Y2, Y2; \
	VPSHUFB   Y2, Y9, Y2; \
	VPSHUFB   x, Y8, Y3; \
	VPAND     Y2, Y3, Y2; \
	VPCMPEQB  Y13, Y2, Y2; \
	VPMOVMSKB Y2, r

// IN puts the bits of the octets of x that are in a set into r.
#define IN(set, x, r) \
	VPSHUFB   x, set, Y2; \
	VPCMPEQB  x, Y2, Y2; \
	VPMOVMSKB Y2, r

// func fillAVX2(m *Masks, src *byte, blocks int)
TEXT ·fillAVX2(SB), NOSPLIT, $0-24
	MOVQ m+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	VBROADCASTI128 nameLow<>(SB), Y8
	VBROADCASTI128 nameHigh<>(SB), Y9
	VBROADCASTI128 valueEnds<>(SB), Y10
	VBROADCASTI128 textEnds<>(SB), Y11
	VPBROADCASTB lowHalf<>(SB), Y12
	VPXOR Y13, Y13, Y13

fill:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	NAME(Y0, AX)
	NAME(Y1, BX)
	SHLQ $32, BX
	ORQ  AX, BX
	MOVQ BX, (DI)
	IN(Y10, Y0, AX)
	IN(Y10, Y1, BX)
	SHLQ $32, BX
	ORQ  AX, BX
	MOVQ BX, 520(DI) // Masks.Value
	IN(Y11, Y0, AX)
	IN(Y11, Y1, BX)
	SHLQ $32, BX
	ORQ  AX, BX
	MOVQ BX, 1040(DI) // Masks.Text
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  fill
	VZEROUPPER
	RET

// COUNT adds the octets of Y0 and Y1 that are c to the words of sum.
#define COUNT(c, sum) \
	VPCMPEQB c, Y0, Y2; \
	VPCMPEQB c, Y1, Y3; \
	VPADDB   Y2, Y3, Y2; \
	VPSUBB   Y2, Y13, Y2; \
	VPSADBW  Y13, Y2, Y2; \
	VPADDQ   Y2, sum, sum

// ADD adds the four words of y, of which x is the lower half, to the word at
// offset of the Survey.
#define ADD(y, x, offset) \
	VEXTRACTI128 $1, y, X2; \
	VPADDQ       X2, x, X2; \
	VPSRLDQ      $8, X2, X3; \
	VPADDQ       X2, X3, X2; \
	VMOVQ        X2, AX; \
	ADDQ         AX, offset(DI)

// func surveyAVX2(s *Survey, src *byte, blocks int) (done int)
TEXT ·surveyAVX2(SB), NOSPLIT, $0-32
	MOVQ s+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ CX, DX
	VBROADCASTI128 space<>(SB), Y8
	VPBROADCASTB octet<>+0(SB), Y9
	VPBROADCASTB octet<>+1(SB), Y10
	VPBROADCASTB octet<>+2(SB), Y11
	VPBROADCASTB octet<>+3(SB), Y12
	VPXOR Y13, Y13, Y13
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7

survey:
	VMOVDQU  (SI), Y0
	VMOVDQU  32(SI), Y1
	VPMINUB  Y0, Y1, Y2
	VPMAXUB  Y9, Y2, Y3
	VPCMPEQB Y2, Y3, Y3
	VPMOVMSKB Y3, AX
	CMPL     AX, $-1
	JNE      controls // an octet below space, if only a line end

count:
	VPOR Y0, Y7, Y7
	VPOR Y1, Y7, Y7
	COUNT(Y10, Y4)
	COUNT(Y11, Y5)
	COUNT(Y12, Y6)
	ADDQ $64, SI
	DECQ CX
	JNZ  survey
	JMP  end

controls: // each octet has to be 0x20 or more, or white space
	VPMAXUB   Y9, Y0, Y2
	VPCMPEQB  Y0, Y2, Y2
	VPSHUFB   Y0, Y8, Y3
	VPCMPEQB  Y0, Y3, Y3
	VPOR      Y2, Y3, Y2
	VPMAXUB   Y9, Y1, Y3
	VPCMPEQB  Y1, Y3, Y3
	VPAND     Y2, Y3, Y14
	VPSHUFB   Y1, Y8, Y3
	VPCMPEQB  Y1, Y3, Y3
	VPAND     Y2, Y3, Y3
	VPOR      Y14, Y3, Y3
	VPMOVMSKB Y3, AX
	CMPL      AX, $-1
	JEQ       count

end:
	SUBQ CX, DX
	ADD(Y4, X4, 0)  // Survey.Less
	ADD(Y5, X5, 8)  // Survey.Greater
	ADD(Y6, X6, 16) // Survey.Equal
	VPMOVMSKB Y7, AX
	ORQ       AX, 24(DI) // Survey.High
	MOVQ      DX, done+24(FP)
	VZEROUPPER
	RET

// func plainAVX2(src *byte, blocks int) (n int)
TEXT ·plainAVX2(SB), NOSPLIT, $0-24
	MOVQ src+0(FP), SI
	MOVQ blocks+8(FP), CX
	MOVQ SI, DX
	VBROADCASTI128 plainEnds<>(SB), Y8
	VPBROADCASTB bracket<>(SB), Y9

plain:
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VPSHUFB   Y0, Y8, Y2
	VPSHUFB   Y1, Y8, Y3
	VPCMPEQB  Y0, Y2, Y2
	VPCMPEQB  Y1, Y3, Y3
	VPCMPEQB  Y0, Y9, Y4
	VPCMPEQB  Y1, Y9, Y5
	VPOR      Y2, Y4, Y2
	VPOR      Y3, Y5, Y3
	VPOR      Y2, Y3, Y4
	VPTEST    Y4, Y4
	JNZ       found
	ADDQ $64, SI
	DECQ CX
	JNZ  plain
	JMP  done

found:
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y3, BX
	SHLQ  $32, BX
	ORQ   BX, AX
	BSFQ  AX, AX
	ADDQ  AX, SI

done:
	SUBQ DX, SI
	MOVQ SI, n+16(FP)
	VZEROUPPER
	RET
