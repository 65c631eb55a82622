package nvrtc

import "fmt"

// Code is what every function of the compiler returns, nvrtcResult in nvrtc.h of
// CUDA 13.0. It is the error under every [Error].
type Code int32

// The compiler's codes.
const (
	CodeSuccess                           Code = 0
	CodeOutOfMemory                       Code = 1
	CodeProgramCreationFailure            Code = 2
	CodeInvalidInput                      Code = 3
	CodeInvalidProgram                    Code = 4
	CodeInvalidOption                     Code = 5
	CodeCompilation                       Code = 6
	CodeBuiltinOperationFailure           Code = 7
	CodeNoNameExpressionsAfterCompilation Code = 8
	CodeNoLoweredNamesBeforeCompilation   Code = 9
	CodeNameExpressionNotValid            Code = 10
	CodeInternalError                     Code = 11
	CodeTimeFileWriteFailed               Code = 12
	CodeNoPCHCreateAttempted              Code = 13
	CodePCHCreateHeapExhausted            Code = 14
	CodePCHCreate                         Code = 15
	CodeCancelled                         Code = 16
	CodeTimeTraceFileWriteFailed          Code = 17
)

// Error returns the name and number, as "NVRTC_ERROR_COMPILATION (6)".
func (c Code) Error() string { return fmt.Sprintf("%s (%d)", c.Name(), int32(c)) }

// Name returns the name in nvrtc.h, or NVRTC_ERROR_UNNAMED for a number that CUDA
// 13.0 does not know.
func (c Code) Name() string {
	switch c {
	case CodeSuccess:
		return "NVRTC_SUCCESS"
	case CodeOutOfMemory:
		return "NVRTC_ERROR_OUT_OF_MEMORY"
	case CodeProgramCreationFailure:
		return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE"
	case CodeInvalidInput:
		return "NVRTC_ERROR_INVALID_INPUT"
	case CodeInvalidProgram:
		return "NVRTC_ERROR_INVALID_PROGRAM"
	case CodeInvalidOption:
		return "NVRTC_ERROR_INVALID_OPTION"
	case CodeCompilation:
		return "NVRTC_ERROR_COMPILATION"
	case CodeBuiltinOperationFailure:
		return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"
	case CodeNoNameExpressionsAfterCompilation:
		return "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION"
	case CodeNoLoweredNamesBeforeCompilation:
		return "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION"
	case CodeNameExpressionNotValid:
		return "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID"
	case CodeInternalError:
		return "NVRTC_ERROR_INTERNAL_ERROR"
	case CodeTimeFileWriteFailed:
		return "NVRTC_ERROR_TIME_FILE_WRITE_FAILED"
	case CodeNoPCHCreateAttempted:
		return "NVRTC_ERROR_NO_PCH_CREATE_ATTEMPTED"
	case CodePCHCreateHeapExhausted:
		return "NVRTC_ERROR_PCH_CREATE_HEAP_EXHAUSTED"
	case CodePCHCreate:
		return "NVRTC_ERROR_PCH_CREATE"
	case CodeCancelled:
		return "NVRTC_ERROR_CANCELLED"
	case CodeTimeTraceFileWriteFailed:
		return "NVRTC_ERROR_TIME_TRACE_FILE_WRITE_FAILED"
	default:
		return "NVRTC_ERROR_UNNAMED"
	}
}
