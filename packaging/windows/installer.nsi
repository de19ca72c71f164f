; The installer for Windows, for one user and without administrator's rights. installer.sh calls makensis with
; VERSION, NUMBERS (1.2.3.0), FILES (a folder with all that is installed) and OUTPUT.
Unicode true
!include MUI2.nsh
!include FileFunc.nsh

Name "Burnisher ${VERSION}"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\Burnisher"
InstallDirRegKey HKCU "Software\Burnisher" "InstallDir"
RequestExecutionLevel user
SetCompressor /SOLID lzma
ManifestDPIAware true

VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "Burnisher"
VIAddVersionKey CompanyName "The Burnisher developers"
VIAddVersionKey LegalCopyright "Copyright 2026 The Burnisher developers. MIT or Apache-2.0."
VIAddVersionKey FileDescription "Installs Burnisher"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey ProductVersion "${VERSION}"

!define MUI_ICON "burnisher.ico"
!define MUI_UNICON "burnisher.ico"
!define MUI_FINISHPAGE_RUN "$INSTDIR\burnisher.exe"
!insertmacro MUI_PAGE_LICENSE "${FILES}/LICENSE-MIT.txt"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Burnisher"

Section
  SetOutPath "$INSTDIR"
  File "${FILES}/*"
  CreateShortcut "$SMPROGRAMS\Burnisher.lnk" "$INSTDIR\burnisher.exe"

  ; Offered under "Open with" for models and PNGs; what opens them by default stays as it is.
  WriteRegStr HKCU "Software\Classes\Applications\burnisher.exe" "FriendlyAppName" "Burnisher"
  WriteRegStr HKCU "Software\Classes\Applications\burnisher.exe\shell\open\command" "" '"$INSTDIR\burnisher.exe" "%1"'
  WriteRegStr HKCU "Software\Classes\Applications\burnisher.exe\SupportedTypes" ".png" ""
  WriteRegStr HKCU "Software\Classes\Applications\burnisher.exe\SupportedTypes" ".safetensors" ""
  WriteRegStr HKCU "Software\Classes\Burnisher.Model" "" "Model weights (safetensors)"
  WriteRegStr HKCU "Software\Classes\Burnisher.Model\DefaultIcon" "" "$INSTDIR\burnisher.exe,0"
  WriteRegStr HKCU "Software\Classes\Burnisher.Model\shell\open\command" "" '"$INSTDIR\burnisher.exe" "%1"'
  WriteRegStr HKCU "Software\Classes\.safetensors\OpenWithProgids" "Burnisher.Model" ""
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'

  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "Software\Burnisher" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Burnisher"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\burnisher.exe"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Burnisher developers"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" "$0"
SectionEnd

; Pictures, models and settings stay. Only what the installer wrote is removed: the folder may hold files of others.
Section Uninstall
  Delete "$INSTDIR\burnisher.exe"
  Delete "$INSTDIR\LICENSE-MIT.txt"
  Delete "$INSTDIR\LICENSE-APACHE.txt"
  Delete "$INSTDIR\THIRD_PARTY.md"
  Delete "$INSTDIR\THIRD_PARTY_CRATES.html"
  Delete "$INSTDIR\_burnisher.ps1"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Burnisher.lnk"
  DeleteRegKey HKCU "Software\Classes\Applications\burnisher.exe"
  DeleteRegKey HKCU "Software\Classes\Burnisher.Model"
  DeleteRegValue HKCU "Software\Classes\.safetensors\OpenWithProgids" "Burnisher.Model"
  DeleteRegKey HKCU "Software\Burnisher"
  DeleteRegKey HKCU "${UNINSTALL}"
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd
