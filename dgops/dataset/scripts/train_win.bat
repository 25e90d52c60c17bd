@echo off
rem Trains a Wan 2.1 LoRA on the set @SLUG@ (@COUNT@ images) with musubi-tuner, in whose folder this stands beside 256\.
rem
rem   WAN_DIT  the transformer (wan2.1_t2v_14B_bf16.safetensors)
rem   WAN_VAE  the VAE (wan_2.1_vae.safetensors)
rem   WAN_T5   the text encoder (models_t5_umt5-xxl-enc-bf16.pth)
rem
rem WAN_TASK (t2v-14B), WAN_EPOCHS (16), WAN_RANK (32), WAN_OUTPUT (output\@SLUG@) and WAN_PYTHON may be set;
rem options of this script go to the trainer, after its own. Nothing asks for anything.
rem No block in parentheses: a path with one, as Program Files (x86) has, would end it.
setlocal EnableExtensions DisableDelayedExpansion
cd /d "%~dp0"
if not defined WAN_TASK set "WAN_TASK=t2v-14B"
if not defined WAN_EPOCHS set "WAN_EPOCHS=16"
if not defined WAN_RANK set "WAN_RANK=32"
if not defined WAN_OUTPUT set "WAN_OUTPUT=output\@SLUG@"
if not defined WAN_PYTHON if exist ".venv\Scripts\python.exe" set "WAN_PYTHON=.venv\Scripts\python.exe"
if not defined WAN_PYTHON if exist "venv\Scripts\python.exe" set "WAN_PYTHON=venv\Scripts\python.exe"
if not defined WAN_PYTHON set "WAN_PYTHON=python"

set "WRONG="
if not defined WAN_DIT set "WRONG=1" & >&2 echo error: WAN_DIT is not set: the path of the Wan 2.1 transformer
if not defined WAN_VAE set "WRONG=1" & >&2 echo error: WAN_VAE is not set: the path of the Wan 2.1 VAE
if not defined WAN_T5 set "WRONG=1" & >&2 echo error: WAN_T5 is not set: the path of the umt5-xxl text encoder
if defined WAN_DIT if not exist "%WAN_DIT%" set "WRONG=1" & >&2 echo error: WAN_DIT: no such file: "%WAN_DIT%"
if defined WAN_VAE if not exist "%WAN_VAE%" set "WRONG=1" & >&2 echo error: WAN_VAE: no such file: "%WAN_VAE%"
if defined WAN_T5 if not exist "%WAN_T5%" set "WRONG=1" & >&2 echo error: WAN_T5: no such file: "%WAN_T5%"
if not exist "src\musubi_tuner\wan_train_network.py" set "WRONG=1" & >&2 echo error: this is not the folder of musubi-tuner: "%CD%"
if not exist "config_win.toml" set "WRONG=1" & >&2 echo error: config_win.toml is not beside this script
if not exist "256\" set "WRONG=1" & >&2 echo error: 256 is not beside this script
if defined WRONG exit /b 2
"%WAN_PYTHON%" -c "import sys, torch; sys.exit(not torch.cuda.is_available())" <nul
if errorlevel 1 goto no_gpu

echo 1 of 3: latents
"%WAN_PYTHON%" src\musubi_tuner\wan_cache_latents.py --dataset_config config_win.toml --vae "%WAN_VAE%" --skip_existing <nul
if errorlevel 1 exit /b 1

echo 2 of 3: captions
"%WAN_PYTHON%" src\musubi_tuner\wan_cache_text_encoder_outputs.py --dataset_config config_win.toml --t5 "%WAN_T5%" --batch_size 16 --skip_existing <nul
if errorlevel 1 exit /b 1

rem The trainer would go on in silence with whatever pairs it finds.
"%WAN_PYTHON%" -c "import glob, sys; found = [len(glob.glob('cache_@SLUG@/*_wan' + end + '.safetensors')) for end in ('', '_te')]; print(found[0], 'latents and', found[1], 'captions of @COUNT@'); sys.exit(found != [@COUNT@, @COUNT@])" <nul
if errorlevel 1 goto not_whole

echo 3 of 3: training
"%WAN_PYTHON%" -m accelerate.commands.launch ^
  --num_processes 1 --num_machines 1 --dynamo_backend no ^
  --num_cpu_threads_per_process 1 --mixed_precision bf16 ^
  src\musubi_tuner\wan_train_network.py ^
  --task "%WAN_TASK%" --dit "%WAN_DIT%" --dataset_config config_win.toml ^
  --sdpa --mixed_precision bf16 --fp8_base ^
  --optimizer_type adamw8bit --learning_rate 2e-4 --gradient_checkpointing ^
  --max_data_loader_n_workers 2 --persistent_data_loader_workers ^
  --network_module networks.lora_wan --network_dim "%WAN_RANK%" ^
  --timestep_sampling shift --discrete_flow_shift 3.0 ^
  --max_train_epochs "%WAN_EPOCHS%" --save_every_n_epochs 1 --seed 42 ^
  --output_dir "%WAN_OUTPUT%" --output_name "@SLUG@" %* <nul
exit /b %ERRORLEVEL%

:no_gpu
>&2 echo error: "%WAN_PYTHON%" sees no GPU: training on a CPU would take weeks
exit /b 1

:not_whole
>&2 echo error: cache_@SLUG@ is not whole; remove it and start again
exit /b 1
